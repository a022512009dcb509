#include "src/capture/look_pace.h"

#include <algorithm>

namespace pgflame::capture {
namespace {

constexpr uint32_t kFewest = 6;

}  // namespace

bool LookPace::lower() {
  if (most_ / 4 < kFewest) return false;
  most_ /= 4;
  wanted_ /= 4;
  per_window_ = std::min(per_window_, most_);
  judged_ns_ = 0;  // what was before says nothing of this
  return true;
}

uint32_t LookPace::per_window(uint64_t looks, uint64_t now_ns) {
  constexpr uint64_t kSecond = 1'000'000'000;
  if (judged_ns_ == 0 || looks < judged_looks_) {
    judged_looks_ = looks;
    judged_ns_ = now_ns;
  }
  if (now_ns - judged_ns_ < kSecond) return per_window_;
  const double rate =
      static_cast<double>(looks - judged_looks_) * 1e9 / static_cast<double>(now_ns - judged_ns_);
  // A second of silence says little about the next one.
  const double more = std::min(wanted_ / std::max(rate, 1.0), 2.0);
  per_window_ = static_cast<uint32_t>(
      std::clamp(per_window_ * more, double{kFewest}, static_cast<double>(most_)));
  judged_looks_ = looks;
  judged_ns_ = now_ns;
  return per_window_;
}

}  // namespace pgflame::capture
