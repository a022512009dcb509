// Completes what the sampler knows of time off the CPU.
//
// Of a backend that switches all the time the sampler looks at a random choice of its intervals.
// Each short one stands for so many, which is right on average only; what they last together is
// known by backend, not by reason: the choice says how it is divided among the reasons, and no
// more.
//
// Of a long one that was not looked at ("bare") nothing but the wait event is known, unless it was
// open when somebody asked (sleepers.h). Others lasted less than the second between two calls; they
// go to the reasons with the same wait event that the backend had in that second, and to none where
// these do not agree on whether a command was running.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "src/capture/waits.h"

namespace pgflame::capture {

class WaitBalance {
 public:
  // The exact sums of a backend that is gone, for the next balance().
  void exited(int32_t pid, const ShortIntervals& last);

  // Writes the totals anew, one for each key. What the short intervals of a backend have grown by
  // since the last call adds up to the exact growth; without exact sums estimates stay. What is
  // bare, the open intervals too, is given to reasons and taken out.
  void balance(WaitTimes& times);

  void forget(int32_t pid);

 private:
  struct Reason {
    uint64_t long_ns = 0;
    uint64_t short_ns = 0;     // the estimate
    uint64_t new_long_ns = 0;  // since the last balance()
    uint64_t new_ns = 0;       // likewise, with the short ones
    uint64_t balanced_ns = 0;
    uint64_t given_count = 0;  // bare ones
  };
  using Side = std::pair<int32_t, State>;  // a backend's waiting or runnable time
  struct Amount {
    uint64_t count = 0;
    uint64_t ns = 0;
  };
  // The reason of a backend's long wait that is open, and how long it has been.
  struct Told {
    WaitKey key;
    uint64_t waiting_ns = 0;
    uint64_t runnable_ns = 0;
  };
  using ToldByPid = std::unordered_map<int32_t, Told>;

  std::optional<uint64_t> exact_ns(const WaitTimes& times, Side side) const;
  void divide_short(std::span<WaitTotal> totals, std::optional<uint64_t> exact_ns);
  std::vector<WaitTotal> take_bare(WaitTimes& times, ToldByPid& told) const;
  void give_bare(const WaitTotal& bare, const ToldByPid& told, std::vector<WaitTotal>& totals);
  void give_told(const WaitKey& key, Amount amount, std::vector<WaitTotal>& totals);
  void give_likely(const WaitKey& key, Amount amount, std::vector<WaitTotal>& totals);

  std::map<WaitKey, Reason> reasons_;
  std::map<WaitKey, Amount> bare_;       // given so far
  ToldByPid told_;                       // at the last balance()
  std::map<Side, uint64_t> divided_ns_;  // of the exact sums, so far
  std::unordered_map<int32_t, ShortIntervals> last_;
};

}  // namespace pgflame::capture
