#include "src/capture/stack_pace.h"

#include <algorithm>

namespace pgflame::capture {

uint64_t StackPace::window_ns(uint64_t now_ns) {
  constexpr uint64_t kSecond = 1'000'000'000;
  constexpr double kLongestNs = 10e9;
  if (looked_ns_ == 0) looked_ns_ = now_ns;
  if (now_ns - looked_ns_ < kSecond) return window_ns_;
  const double rate = static_cast<double>(stacks_) * 1e9 / static_cast<double>(now_ns - looked_ns_);
  const auto window = static_cast<double>(window_ns_);
  // A second of silence says little about the next one.
  const double needed = std::max(window * rate / wanted_, window / 2);
  window_ns_ =
      static_cast<uint64_t>(std::clamp(needed, static_cast<double>(kShortestNs), kLongestNs));
  stacks_ = 0;
  looked_ns_ = now_ns;
  return window_ns_;
}

}  // namespace pgflame::capture
