#include "src/capture/expected_firings.h"

#include <algorithm>
#include <cmath>

namespace pgflame::capture {

void ExpectedFirings::start(double rate_hz, uint64_t now_ns, const Busy& busy) {
  rate_hz_ = rate_hz;
  since_ns_ = now_ns;
  cpus_.clear();
  for (const auto& [cpu, seconds] : busy)
    cpus_[cpu].busy_before = seconds;
}

void ExpectedFirings::change_rate(double rate_hz, uint64_t now_ns, const Busy& busy) {
  const double passed = static_cast<double>(now_ns - since_ns_) * 1e-9;
  for (auto& [number, cpu] : cpus_) {
    const auto now = busy.find(number);
    if (now == busy.end()) continue;  // taken offline
    const double worked = std::clamp(now->second - cpu.busy_before, 0.0, passed);
    cpu.always += passed * rate_hz_;
    cpu.expected += worked * rate_hz_;
    cpu.busy_before = now->second;
  }
  rate_hz_ = rate_hz;
  since_ns_ = now_ns;
}

uint64_t ExpectedFirings::missing(const std::vector<uint64_t>& seen,
                                  const std::vector<uint64_t>& of_targets) const {
  constexpr double kTolerance = 0.02;
  uint64_t sum = 0;
  for (const auto& [number, cpu] : cpus_) {
    if (number >= seen.size() || seen[number] == 0) continue;
    const auto fired = static_cast<double>(seen[number]);
    const double missing = cpu.expected - fired;
    if (missing <= kTolerance * cpu.always + 2) continue;
    const double share = static_cast<double>(of_targets[number]) / fired;
    sum += static_cast<uint64_t>(std::llround(missing * std::min(share, 1.0)));
  }
  return sum;
}

}  // namespace pgflame::capture
