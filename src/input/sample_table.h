// Samples by their tags: equal ones are one row. The number of rows is bounded; when a long capture
// has more, seconds are merged in pairs until it fits, so that memory grows with the number of
// different stacks and not with time.
#pragma once

#include <cstdint>
#include <vector>

#include "src/base/hash_index.h"
#include "src/profile/profile.h"

namespace pgflame::input {

class SampleTable {
 public:
  static constexpr size_t kMaxRows = size_t{1} << 20;

  explicit SampleTable(size_t max_rows = kMaxRows) : max_rows_(max_rows) {}

  void add(Sample sample);
  // Seconds that one value of Sample::second stands for.
  uint32_t resolution() const { return resolution_; }
  std::vector<Sample> take() && { return std::move(rows_); }

 private:
  void insert(const Sample& sample);
  void coarsen();

  std::vector<Sample> rows_;
  HashIndex index_;
  size_t max_rows_;
  uint32_t resolution_ = 1;
};

}  // namespace pgflame::input
