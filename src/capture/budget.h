// Keeps the cost of recording below a limit.
#pragma once

#include <cstdint>

namespace pgflame::capture {

class Budget {
 public:
  enum class Advice { kGoOn, kLowerRate, kStop };

  // `max_cpu`: share of all CPUs, 0 for no limit. `planned_ns`: how long the recording is to take,
  // 0 when nobody knows.
  Budget(double max_cpu, uint32_t cpus, uint64_t planned_ns);

  // Called once a second or so with the CPU time spent so far, ours and our programs' but for what
  // is done once for each module, and the time that it was spent in. One second above the limit is
  // forgiven, two in a row lower the rate. When that is exhausted, what counts is the recording as
  // a whole: it ends when it has spent what it may spend on its time, or on a minute when that is
  // longer, and at once when it costs many times the limit.
  Advice check(uint64_t spent_ns, uint64_t now_ns);

  // There is nothing left to lower.
  void exhausted() { exhausted_ = true; }

 private:
  Advice check_whole(double spent, double passed) const;

  double limit_;  // in CPUs
  double planned_ns_;
  uint64_t first_spent_ns_ = 0;
  uint64_t first_checked_ns_ = 0;
  uint64_t spent_ns_ = 0;
  uint64_t checked_ns_ = 0;
  int over_ = 0;
  bool exhausted_ = false;
};

}  // namespace pgflame::capture
