// Samples by their tags: equal ones are one row. The number of rows is bounded; when a long capture
// has more, microseconds are dropped, then seconds are merged in pairs until it fits, so that
// memory grows with the number of different stacks and not with time.
#pragma once

#include <cstdint>
#include <vector>

#include "src/input/input.h"
#include "src/profile/bounded_sum.h"
#include "src/profile/profile.h"

namespace pgflame::input {

// Samples are noted one behind the other and put in order many at a time: looking up the row of
// each would wait for memory each time.
class SampleTable {
 public:
  static constexpr size_t kMaxRows = size_t{1} << 19;
  // Of a table that keeps microseconds: what makes up perf script text of the most that is written.
  static constexpr size_t kMaxTimedRows = size_t{1} << 22;

  explicit SampleTable(size_t max_rows = kMaxRows) : max_rows_(max_rows) {}

  void add(const Sample& sample) {
    const uint64_t count = counts_.admit(sample.count);
    if (count == 0) return;
    const uint64_t weight = weights_.admit(sample.weight);
    Sample& row = row_for(sample);
    row.count += count;
    row.weight += weight;
  }
  // Memory that add() of a sample with this stack will need, which is in no cache: first where the
  // stack's latest row is, later the row itself.
  void fetch_latest(StackId stack) const {
    if (stack.value < latest_.size()) __builtin_prefetch(&latest_[stack.value]);
  }
  void fetch_row(StackId stack) const {
    if (stack.value >= latest_.size()) return;
    const size_t row = latest_[stack.value].row;
    if (row < rows_.size()) __builtin_prefetch(&rows_[row]);
  }
  // Seconds that one value of Sample::second stands for. Final after take().
  uint32_t resolution() const { return resolution_; }
  // Not all of the counts or weights could be counted.
  bool cut() const { return counts_.cut() || weights_.cut(); }
  // Ordered by stack and the other tags, then by second.
  std::vector<Sample> take() &&;

 private:
  // The latest row of a stack, which the next sample with it often belongs to.
  struct Latest {
    uint32_t backend = 0;
    uint32_t second = 0;
    uint32_t row = UINT32_MAX;
  };

  Sample& row_for(const Sample& sample);
  void make_room();
  void put_in_order();
  void coarsen();
  void round_down(Sample& row) const;

  std::vector<Sample> rows_;
  std::vector<Latest> latest_;  // by stack
  uint32_t backends_ = 0;       // one more than the last one's number
  BoundedSum counts_;
  BoundedSum weights_;
  size_t max_rows_;
  uint32_t resolution_ = 1;
  bool whole_seconds_ = false;
};

// How many rows a table should have for what was asked for.
size_t rows_for(const Options& options);

// When a sample was, from nanoseconds of the capture's clock. Microseconds as perf script counts
// them: from those of the clock.
void set_moment(Sample& sample, uint64_t start, uint64_t time, const Options& options);

}  // namespace pgflame::input
