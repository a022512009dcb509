#include "src/input/sample_table.h"

#include <algorithm>
#include <utility>

#include "src/base/large_memory.h"
#include "src/base/radix_sort.h"
#include "src/profile/sample_order.h"

namespace pgflame::input {
namespace {

// A row by what orders it first. What is left is a few rows at a time.
struct Key {
  StackId stack;
  BackendId backend;
  uint32_t row = 0;

  uint64_t who() const { return uint64_t{stack.value} << 32 | backend.value; }
};

std::vector<Key> sorted_keys(const std::vector<Sample>& rows) {
  std::vector<Key> keys;
  reserve_large(keys, rows.size());
  for (uint32_t i = 0; i < rows.size(); ++i)
    keys.push_back({rows[i].stack, rows[i].backend, i});
  radix_sort(keys, [](const Key& key) { return key.who(); });
  return keys;
}

// Of one stack and backend.
bool comes_before(const Sample& a, const Sample& b) {
  return place_of(a) < place_of(b);
}

// Behind rows that are in order.
void append(std::vector<Sample>& rows, const Sample& row) {
  if (rows.empty() || place_of(rows.back()) != place_of(row)) {
    rows.push_back(row);
    return;
  }
  rows.back().count += row.count;
  rows.back().weight += row.weight;
}

}  // namespace

void SampleTable::make_room() {
  constexpr size_t kFew = size_t{1} << 14;
  const size_t most = max_rows_ + max_rows_ / 2;
  if (rows_.capacity() < std::min(kFew, most)) {
    rows_.reserve(std::min(std::max<size_t>(rows_.capacity() * 2, 64), most));
  } else if (rows_.capacity() < most) {
    reserve_large(rows_, most);
  } else {
    merge_equal();
  }
}

void SampleTable::merge_equal() {
  const std::vector<Key> keys = sorted_keys(rows_);
  reserve_large(merged_, rows_.size());
  std::vector<Sample> run;  // of one stack and backend, in the order in which they came
  for (size_t i = 0; i < keys.size(); ++i) {
    constexpr size_t kAhead = 16;
    if (i + kAhead < keys.size()) __builtin_prefetch(&rows_[keys[i + kAhead].row]);
    Sample& row = rows_[keys[i].row];
    round_down(row);
    run.push_back(row);
    if (i + 1 < keys.size() && keys[i + 1].who() == keys[i].who()) continue;
    if (!std::ranges::is_sorted(run, comes_before)) std::ranges::sort(run, comes_before);
    for (const Sample& next : run)
      append(merged_, next);
    run.clear();
  }
  rows_.swap(merged_);
  merged_.clear();
  if (rows_.size() > max_rows_) coarsen();
}

// Where even one row per stack is too many, the limit gives way: rows that differ in more than
// their second are never merged.
void SampleTable::coarsen() {
  constexpr uint32_t kCoarsest = 1U << 20;
  while (rows_.size() > max_rows_ && resolution_ < kCoarsest) {
    if (whole_seconds_) resolution_ *= 2;
    whole_seconds_ = true;
    for (Sample& row : rows_) {
      round_down(row);
      append(merged_, row);
    }
    rows_.swap(merged_);
    merged_.clear();
  }
  max_rows_ = std::max(max_rows_, rows_.size());
}

void SampleTable::round_down(Sample& row) const {
  row.second -= row.second % resolution_;
  if (whole_seconds_) row.microsecond = 0;
}

std::vector<Sample> SampleTable::take() && {
  merge_equal();
  return std::move(rows_);
}

size_t rows_for(const Options& options) {
  return options.keep_microseconds ? SampleTable::kMaxTimedRows : SampleTable::kMaxRows;
}

void set_moment(Sample& sample, uint64_t start, uint64_t time, const Options& options) {
  if (time < start) return;
  const auto seconds = [&sample](uint64_t count) {
    sample.second = static_cast<uint32_t>(std::min<uint64_t>(count, UINT32_MAX));
  };
  if (!options.keep_microseconds) return seconds((time - start) / 1'000'000'000);
  const uint64_t microseconds = time / 1000 - start / 1000;
  seconds(microseconds / 1'000'000);
  sample.microsecond = static_cast<uint32_t>(microseconds % 1'000'000);
}

}  // namespace pgflame::input
