// Keeps the cost of recording below a limit.
#pragma once

#include <cstdint>

namespace pgflame::capture {

class Budget {
 public:
  enum class Advice { kGoOn, kLowerRate, kStop };

  // `max_cpu`: share of all CPUs, 0 for no limit.
  Budget(double max_cpu, uint32_t cpus) : limit_(max_cpu * cpus) {}

  // Called once a second or so with the CPU time spent so far, ours and our programs' but for what
  // is done once for each module, and the time that it was spent in. One expensive second is
  // forgiven, two in a row are not.
  Advice check(uint64_t spent_ns, uint64_t now_ns);

  // There is nothing left to lower: the next excess ends the recording.
  void exhausted() { exhausted_ = true; }

 private:
  double limit_;  // in CPUs
  uint64_t spent_ns_ = 0;
  uint64_t checked_ns_ = 0;
  int over_ = 0;
  bool exhausted_ = false;
};

}  // namespace pgflame::capture
