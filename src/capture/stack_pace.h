// Keeps what all backends together send of stacks of their waits at a rate, however many they are.
#pragma once

#include <cstdint>

namespace pgflame::capture {

// Each backend sends a few stacks in a window of time (bpf/offcpu.h); this is how long the window
// has to be. A few backends never reach the rate; theirs is the shortest window.
class StackPace {
 public:
  static constexpr uint64_t kShortestNs = 100'000'000;

  void count_stack() { ++stacks_; }

  // Half as many stacks from now on.
  void lower() { wanted_ /= 2; }

  // Called now and then; looks once a second. Returns the window for the time to come.
  uint64_t window_ns(uint64_t now_ns);

 private:
  double wanted_ = 1000;  // stacks a second
  uint64_t window_ns_ = kShortestNs;
  uint64_t stacks_ = 0;  // since looked_ns_
  uint64_t looked_ns_ = 0;
};

}  // namespace pgflame::capture
