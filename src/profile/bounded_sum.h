// Sums of numbers that an input claims.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pgflame {

// Says how much of each number can be counted so that all of them together stay below 2^63, which
// every later sum of some of them then does too, and every signed field they are written to.
class BoundedSum {
 public:
  uint64_t admit(uint64_t value) {
    const uint64_t fits = std::min(value, kMost - sum_);
    cut_ = cut_ || fits < value;
    sum_ += fits;
    return fits;
  }
  // Not all of some number was counted.
  bool cut() const { return cut_; }

 private:
  static constexpr uint64_t kMost = INT64_MAX;

  uint64_t sum_ = 0;
  bool cut_ = false;
};

// What the reader of a report must know then.
inline constexpr const char* kNoteOnCutSums =
    "the numbers in the input add up to more than 2^63; what is beyond that is not counted";

}  // namespace pgflame
