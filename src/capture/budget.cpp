#include "src/capture/budget.h"

namespace pgflame::capture {

Budget::Advice Budget::check(uint64_t spent_ns, uint64_t now_ns) {
  const bool first = checked_ns_ == 0;
  const auto spent = static_cast<double>(spent_ns - spent_ns_);
  const auto passed = static_cast<double>(now_ns - checked_ns_);
  spent_ns_ = spent_ns;
  checked_ns_ = now_ns;
  if (first || limit_ <= 0 || spent <= limit_ * passed) {
    over_ = 0;
    return Advice::kGoOn;
  }
  if (++over_ < 2) return Advice::kGoOn;
  over_ = 0;
  return exhausted_ ? Advice::kStop : Advice::kLowerRate;
}

}  // namespace pgflame::capture
