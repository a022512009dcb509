#include "src/capture/budget.h"

#include <algorithm>

namespace pgflame::capture {
namespace {

constexpr double kMinute = 60e9;
constexpr double kFarTooMuch = 5;  // times the limit

}  // namespace

Budget::Budget(double max_cpu, uint32_t cpus, uint64_t planned_ns)
    : limit_(max_cpu * cpus), planned_ns_(std::max(static_cast<double>(planned_ns), kMinute)) {}

Budget::Advice Budget::check(uint64_t spent_ns, uint64_t now_ns) {
  const bool first = checked_ns_ == 0;
  const auto spent = static_cast<double>(spent_ns - spent_ns_);
  const auto passed = static_cast<double>(now_ns - checked_ns_);
  spent_ns_ = spent_ns;
  checked_ns_ = now_ns;
  if (first) {
    first_spent_ns_ = spent_ns;
    first_checked_ns_ = now_ns;
  }
  if (first || limit_ <= 0 || spent <= limit_ * passed) {
    over_ = 0;
    return Advice::kGoOn;
  }
  if (++over_ < 2) return Advice::kGoOn;
  if (exhausted_) return check_whole(spent, passed);
  over_ = 0;
  return Advice::kLowerRate;
}

Budget::Advice Budget::check_whole(double spent, double passed) const {
  const auto whole = static_cast<double>(spent_ns_ - first_spent_ns_);
  const auto time = static_cast<double>(checked_ns_ - first_checked_ns_);
  const bool used_up = whole > limit_ * std::max(planned_ns_, time);
  return used_up || spent > kFarTooMuch * limit_ * passed ? Advice::kStop : Advice::kGoOn;
}

}  // namespace pgflame::capture
