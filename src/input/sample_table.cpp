#include "src/input/sample_table.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace pgflame::input {

SampleTable::Group::Group(const Sample& sample)
    : stack(sample.stack),
      backend(sample.backend),
      state(sample.state),
      end(sample.end),
      wait_event(sample.wait_event),
      query_id(sample.query_id) {}

bool SampleTable::Group::operator==(const Group& other) const {
  return stack == other.stack && backend == other.backend && state == other.state &&
         end == other.end && wait_event == other.wait_event && query_id == other.query_id;
}

bool SampleTable::Group::comes_before(const Group& other) const {
  const auto key = [](const Group& group) {
    return std::tuple(group.stack.value,
                      group.backend.value,
                      group.state,
                      group.end,
                      group.wait_event,
                      group.query_id);
  };
  return key(*this) < key(other);
}

uint64_t SampleTable::Group::hash() const {
  const uint64_t who = uint64_t{stack.value} << 32 | backend.value;
  const uint64_t how = static_cast<uint64_t>(state) << 8 | static_cast<uint64_t>(end);
  return hash_mix(hash_mix(who, how), query_id ^ uint64_t{wait_event} << 32);
}

uint32_t SampleTable::add(const Sample& sample) {
  Group wanted(sample);
  const uint64_t hash = wanted.hash();
  const uint32_t found = index_.find(hash, [&](uint32_t row) { return groups_[row] == wanted; });
  if (found != HashIndex::kAbsent) {
    add_to(found, sample.second, sample.count, sample.weight);
    return found;
  }
  wanted.number = static_cast<uint32_t>(groups_.size());
  index_.insert(hash, wanted.number);
  groups_.push_back(wanted);
  const uint32_t second = sample.second - sample.second % resolution_;
  latest_.push_back(Moment{second, kNone, sample.count, sample.weight});
  if (rows() > max_rows_) coarsen();
  return wanted.number;
}

void SampleTable::add_to(uint32_t group, uint32_t second, uint64_t count, uint64_t weight) {
  insert(group, Moment{second - second % resolution_, kNone, count, weight});
  if (rows() > max_rows_) coarsen();
}

// Samples come nearly in order of time, so that the second is among the latest or new.
void SampleTable::insert(uint32_t group, const Moment& moment) {
  Moment* known = &latest_[group];
  for (int looked_at = 0; looked_at < 4; ++looked_at) {
    if (known->second == moment.second) {
      known->count += moment.count;
      known->weight += moment.weight;
      return;
    }
    if (known->before == kNone) break;
    known = &earlier_[known->before];
  }
  const auto before = static_cast<uint32_t>(earlier_.size());
  earlier_.push_back(latest_[group]);
  latest_[group] = moment;
  latest_[group].before = before;
}

// Where even one row per stack is too many, the limit gives way: rows that differ in more than
// their second are never merged.
void SampleTable::coarsen() {
  constexpr uint32_t kCoarsest = 1U << 20;
  while (rows() > max_rows_ / 4 * 3 && resolution_ < kCoarsest) {
    resolution_ *= 2;
    std::vector<Moment> earlier;
    earlier.swap(earlier_);
    for (uint32_t group = 0; group < latest_.size(); ++group) {
      Moment& latest = latest_[group];
      uint32_t at = std::exchange(latest.before, kNone);
      latest.second -= latest.second % resolution_;
      for (; at != kNone; at = earlier[at].before) {
        Moment moment = earlier[at];
        moment.second -= moment.second % resolution_;
        insert(group, moment);
      }
    }
  }
  max_rows_ = std::max(max_rows_, rows() / 3 * 4);
}

std::vector<Sample> SampleTable::take() && {
  index_ = {};
  std::ranges::sort(groups_, [](const Group& a, const Group& b) { return a.comes_before(b); });
  std::vector<Sample> rows;
  rows.reserve(this->rows());
  std::vector<Moment> moments;
  for (const Group& group : groups_) {
    moments.clear();
    for (const Moment* at = &latest_[group.number]; at != nullptr; at = before(*at))
      moments.push_back(*at);
    std::ranges::sort(moments, {}, &Moment::second);
    Sample row;
    row.stack = group.stack;
    row.backend = group.backend;
    row.state = group.state;
    row.end = group.end;
    row.wait_event = group.wait_event;
    row.query_id = group.query_id;
    for (size_t i = 0; i < moments.size(); ++i) {
      if (i == 0 || moments[i].second != moments[i - 1].second) {
        row.second = moments[i].second;
        rows.push_back(row);
      }
      rows.back().count += moments[i].count;
      rows.back().weight += moments[i].weight;
    }
  }
  return rows;
}

}  // namespace pgflame::input
