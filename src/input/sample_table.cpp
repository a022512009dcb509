#include "src/input/sample_table.h"

#include <algorithm>
#include <span>
#include <thread>
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

struct StackRange {
  uint64_t begin = 0;
  uint64_t end = 0;

  bool contains(StackId stack) const { return stack.value - begin < end - begin; }
};

// A stack that about half of the rows come before.
uint32_t middle_stack(const std::vector<Sample>& rows) {
  constexpr size_t kTried = 1024;
  std::vector<uint32_t> stacks;
  for (size_t i = 0; i < rows.size(); i += rows.size() / kTried + 1)
    stacks.push_back(rows[i].stack.value);
  const auto middle = stacks.begin() + static_cast<std::ptrdiff_t>(stacks.size() / 2);
  std::ranges::nth_element(stacks, middle);
  return middle == stacks.end() ? 0 : *middle;
}

// Of the rows whose stack is in the range.
std::vector<Key> sorted_keys(const std::vector<Sample>& rows, StackRange range) {
  std::vector<Key> keys;
  reserve_large(keys, rows.size());
  for (uint32_t i = 0; i < rows.size(); ++i) {
    if (range.contains(rows[i].stack)) keys.push_back({rows[i].stack, rows[i].backend, i});
  }
  radix_sort(keys, [](const Key& key) { return key.who(); });
  return keys;
}

bool comes_before(const Sample& a, const Sample& b) {
  return place_of(a) < place_of(b);
}

// Equal rows from `first` on become one; they are neighbours.
void add_up_equal(std::vector<Sample>& rows, size_t first) {
  size_t kept = first;
  for (size_t i = first; i < rows.size(); ++i) {
    if (kept > first && place_of(rows[kept - 1]) == place_of(rows[i])) {
      rows[kept - 1].count += rows[i].count;
      rows[kept - 1].weight += rows[i].weight;
    } else if (kept++ != i) {
      rows[kept - 1] = rows[i];
    }
  }
  rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(kept), rows.end());
}

// Adds the rows of these stacks, those of one stack and backend in order.
void merge(const std::vector<Sample>& rows, StackRange range, std::vector<Sample>& all) {
  const std::vector<Key> keys = sorted_keys(rows, range);
  reserve_large(all, keys.size());
  for (size_t begin = 0, end = 0; begin < keys.size(); begin = end) {
    const size_t first = all.size();
    for (; end < keys.size() && keys[end].who() == keys[begin].who(); ++end) {
      constexpr size_t kAhead = 16;
      if (end + kAhead < keys.size()) __builtin_prefetch(&rows[keys[end + kAhead].row]);
      all.push_back(rows[keys[end].row]);
    }
    const auto run = std::span(all).subspan(first);
    if (!std::ranges::is_sorted(run, comes_before)) std::ranges::sort(run, comes_before);
    add_up_equal(all, first);
  }
}

}  // namespace

// An equal one or a new, empty one.
Sample& SampleTable::row_for(const Sample& sample) {
  const size_t stack = sample.stack.value;
  if (stack >= latest_.size()) latest_.resize(std::max(stack + 1, latest_.size() * 2));
  Latest& latest = latest_[stack];
  if (latest.row < rows_.size() && latest.backend == sample.backend.value &&
      latest.second == sample.second) {
    Sample& row = rows_[latest.row];
    if (place_of(row) == place_of(sample)) return row;
  }
  if (rows_.size() == rows_.capacity()) make_room();
  latest_[stack] = {sample.backend.value, sample.second, static_cast<uint32_t>(rows_.size())};
  Sample& row = rows_.emplace_back(sample);
  row.count = 0;
  row.weight = 0;
  return row;
}

void SampleTable::make_room() {
  constexpr size_t kFew = size_t{1} << 14;
  const size_t most = max_rows_ + max_rows_ / 2;
  if (rows_.capacity() < std::min(kFew, most)) {
    rows_.reserve(std::min(std::max<size_t>(rows_.capacity() * 2, 64), most));
  } else if (rows_.capacity() < most) {
    reserve_large(rows_, most);
  } else {
    const Halves halves = merged();
    rows_.assign(halves.first.begin(), halves.first.end());
    append(halves.second);
    latest_.assign(latest_.size(), {});
  }
}

// What the rows come to, in order. Two threads have half of the stacks each.
SampleTable::Halves SampleTable::merged() {
  if (whole_seconds_) std::ranges::for_each(rows_, [this](Sample& row) { round_down(row); });
  const uint32_t middle = middle_stack(rows_);
  Halves halves;
  {
    const std::jthread helper([&] { merge(rows_, {middle, uint64_t{1} << 32}, halves.second); });
    reserve_large(halves.first, rows_.size());  // room for the second half, too
    merge(rows_, {0, middle}, halves.first);
  }
  return halves;
}

void SampleTable::append(const std::vector<Sample>& second) {
  rows_.insert(rows_.end(), second.begin(), second.end());
  if (rows_.size() > max_rows_) coarsen();
}

// Where even one row per stack is too many, the limit gives way: rows that differ in more than
// their second are never merged.
void SampleTable::coarsen() {
  constexpr uint32_t kCoarsest = 1U << 20;
  while (rows_.size() > max_rows_ && resolution_ < kCoarsest) {
    if (whole_seconds_) resolution_ *= 2;
    whole_seconds_ = true;
    std::ranges::for_each(rows_, [this](Sample& row) { round_down(row); });
    add_up_equal(rows_, 0);
  }
  max_rows_ = std::max(max_rows_, rows_.size());
}

void SampleTable::round_down(Sample& row) const {
  row.second -= row.second % resolution_;
  if (whole_seconds_) row.microsecond = 0;
}

std::vector<Sample> SampleTable::take() && {
  Halves halves = merged();
  rows_ = std::move(halves.first);
  append(halves.second);
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
