// Keeps the number of short intervals off the CPU that are looked at, of all backends together, at
// a rate, however many they are and however often they switch.
#pragma once

#include <cstdint>

namespace pgflame::capture {

// Each backend has some of its intervals looked at in a window of 100 ms (bpf/offcpu.h); this is
// how many. A few backends never reach the rate; theirs is the largest number.
class LookPace {
 public:
  static constexpr uint32_t kMost = 100;

  // A quarter as many from now on; false: they are as few as it makes sense.
  bool lower();

  // `looks`: all that there were so far. Called now and then; judges once a second. Returns the
  // looks per window for the time to come.
  uint32_t per_window(uint64_t looks, uint64_t now_ns);

 private:
  double wanted_ = 8000;  // a second: so many take about 0.8 % of one CPU
  uint32_t most_ = kMost;
  uint32_t per_window_ = kMost;
  uint64_t judged_looks_ = 0;
  uint64_t judged_ns_ = 0;
};

}  // namespace pgflame::capture
