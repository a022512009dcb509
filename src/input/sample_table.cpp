#include "src/input/sample_table.h"

#include <algorithm>
#include <span>
#include <thread>
#include <utility>

#include "src/base/counting_order.h"
#include "src/base/large_memory.h"
#include "src/base/rearrange.h"
#include "src/profile/sample_order.h"

namespace pgflame::input {
namespace {

bool comes_before(const Sample& a, const Sample& b) {
  return place_of(a) < place_of(b);
}

// For each place the number of the row that belongs there, by stack and backend. What is left is a
// few rows at a time. `stacks`, `backends`: more than any of theirs; rows without a backend stand
// last in their stack.
std::vector<uint32_t> order_by_who(const std::vector<Sample>& rows,
                                   size_t stacks,
                                   uint32_t backends) {
  struct Row {
    StackId stack;
    uint32_t number = 0;
  };
  std::vector<Row> by_backend(rows.size());
  counting_order(
      rows.size(),
      size_t{backends} + 1,
      [&](size_t i) { return std::min(rows[i].backend.value, backends); },
      [&](size_t i, uint32_t place) {
        by_backend[place] = {rows[i].stack, static_cast<uint32_t>(i)};
      });
  std::vector<uint32_t> order(rows.size());
  // Where so few stacks have rows, counting for each would cost more than comparing.
  if (stacks / 8 > rows.size()) {
    std::ranges::stable_sort(by_backend, {}, &Row::stack);
    std::ranges::transform(by_backend, order.begin(), &Row::number);
    return order;
  }
  counting_order(
      rows.size(),
      stacks,
      [&](size_t i) { return by_backend[i].stack.value; },
      [&](size_t i, uint32_t place) { order[place] = by_backend[i].number; });
  return order;
}

// Neighbours become one row. Returns how many are left, at the beginning.
size_t add_up_equal(std::span<Sample> rows) {
  size_t left = 0;
  for (const Sample& row : rows) {
    if (left > 0 && place_of(rows[left - 1]) == place_of(row)) {
      rows[left - 1].count += row.count;
      rows[left - 1].weight += row.weight;
    } else {
      rows[left++] = row;
    }
  }
  return left;
}

// Rows of one stack and backend are neighbours: puts those in the order of what else tells them
// apart, and adds up. Returns how many are left, at the beginning.
size_t finish(std::span<Sample> rows) {
  size_t left = 0;
  for (size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    const Sample& first = rows[begin];
    while (end < rows.size() && rows[end].stack == first.stack &&
           rows[end].backend == first.backend)
      ++end;
    const auto run = rows.subspan(begin, end - begin);
    if (!std::ranges::is_sorted(run, comes_before)) std::ranges::sort(run, comes_before);
    const auto added = run.first(add_up_equal(run));
    if (left < begin) std::ranges::copy(added, rows.begin() + static_cast<std::ptrdiff_t>(left));
    left += added.size();
  }
  return left;
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
  if (sample.backend.valid()) backends_ = std::max(backends_, sample.backend.value + 1);
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
    put_in_order();
    latest_.assign(latest_.size(), {});
  }
}

// Where they stand: a second table would be as much fresh memory again.
void SampleTable::put_in_order() {
  if (whole_seconds_) std::ranges::for_each(rows_, [this](Sample& row) { round_down(row); });
  rearrange(rows_, order_by_who(rows_, latest_.size(), backends_));
  const std::span<Sample> rows = rows_;
  const StackId in_the_middle = rows.empty() ? kEmptyStack : rows[rows.size() / 2].stack;
  const auto middle = std::ranges::lower_bound(rows, in_the_middle, {}, &Sample::stack);
  const std::span<Sample> first(rows.begin(), middle);
  const std::span<Sample> second(middle, rows.end());
  size_t of_first = 0;
  size_t of_second = 0;
  {
    const std::jthread helper([&] { of_second = finish(second); });
    of_first = finish(first);
  }
  if (of_first < first.size())
    std::ranges::copy(second.first(of_second),
                      first.begin() + static_cast<std::ptrdiff_t>(of_first));
  rows_.resize(of_first + of_second);
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
    rows_.resize(add_up_equal(rows_));
  }
  max_rows_ = std::max(max_rows_, rows_.size());
}

void SampleTable::round_down(Sample& row) const {
  row.second -= row.second % resolution_;
  if (whole_seconds_) row.microsecond = 0;
}

std::vector<Sample> SampleTable::take() && {
  put_in_order();
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
  sample.microsecond = static_cast<uint32_t>(microseconds % 1'000'000) & 0xfffffU;
}

}  // namespace pgflame::input
