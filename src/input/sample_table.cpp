#include "src/input/sample_table.h"

#include <algorithm>

namespace pgflame::input {
namespace {

uint64_t hash_of(const Sample& sample) {
  const uint64_t who = uint64_t{sample.stack.value} << 32 | sample.backend.value;
  const uint64_t how = uint64_t{sample.second} << 16 | static_cast<uint64_t>(sample.state) << 8 |
                       static_cast<uint64_t>(sample.end);
  return hash_mix(hash_mix(who, how), sample.query_id ^ uint64_t{sample.wait_event} << 32);
}

bool same(const Sample& a, const Sample& b) {
  return a.stack == b.stack && a.backend == b.backend && a.second == b.second &&
         a.state == b.state && a.end == b.end && a.wait_event == b.wait_event &&
         a.query_id == b.query_id;
}

}  // namespace

void SampleTable::add(Sample sample) {
  sample.second -= sample.second % resolution_;
  insert(sample);
  if (rows_.size() > max_rows_) coarsen();
}

void SampleTable::insert(const Sample& sample) {
  const uint64_t hash = hash_of(sample);
  const uint32_t found = index_.find(hash, [&](uint32_t row) { return same(rows_[row], sample); });
  if (found != HashIndex::kAbsent) {
    rows_[found].count += sample.count;
    rows_[found].weight += sample.weight;
    return;
  }
  index_.insert(hash, static_cast<uint32_t>(rows_.size()), [this](uint32_t row) {
    return hash_of(rows_[row]);
  });
  rows_.push_back(sample);
}

// Where even one row per stack is too many, the limit gives way: rows that differ in more than
// their second are never merged.
void SampleTable::coarsen() {
  constexpr uint32_t kCoarsest = 1U << 20;
  while (rows_.size() > max_rows_ / 4 * 3 && resolution_ < kCoarsest) {
    resolution_ *= 2;
    std::vector<Sample> rows;
    rows.swap(rows_);
    index_ = {};
    for (Sample row : rows) {
      row.second -= row.second % resolution_;
      insert(row);
    }
  }
  max_rows_ = std::max(max_rows_, rows_.size() / 3 * 4);
}

}  // namespace pgflame::input
