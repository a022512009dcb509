// How often a clock should have run the sampling program on each CPU, over changes of its rate.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace pgflame::capture {

class ExpectedFirings {
 public:
  using Busy = std::map<uint32_t, double>;  // seconds, by CPU (busy_seconds_by_cpu)

  // From now on the clock runs, `rate_hz` times a second. Times are CLOCK_MONOTONIC.
  void start(double rate_hz, uint64_t now_ns, const Busy& busy);
  // From now on at this rate; 0: not any more.
  void change_rate(double rate_hz, uint64_t now_ns, const Busy& busy);

  // How many samples of targets are missing, by how often the program ran and how often in a
  // target, by CPU: what is missing is taken to hit targets as often as the rest. Less than 2 % of
  // a CPU's firings is nothing: timers are late at times, and busy time is counted in ticks.
  uint64_t missing(const std::vector<uint64_t>& seen,
                   const std::vector<uint64_t>& of_targets) const;

 private:
  struct Cpu {
    double busy_before = 0;
    double always = 0;    // firings, if it was never idle
    double expected = 0;  // of them while it was neither idle nor stolen: its timer sleeps with it
  };

  double rate_hz_ = 0;
  uint64_t since_ns_ = 0;
  std::map<uint32_t, Cpu> cpus_;
};

}  // namespace pgflame::capture
