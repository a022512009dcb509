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
  latest_.push_back(Moment{
      second, kNone, counts_.admit(sample.count), weights_.admit(sample.weight), wanted.number});
  if (rows() > max_rows_) coarsen();
  return wanted.number;
}

void SampleTable::add_to(uint32_t group, uint32_t second, uint64_t count, uint64_t weight) {
  insert(group,
         Moment{second - second % resolution_,
                kNone,
                counts_.admit(count),
                weights_.admit(weight),
                group});
  if (rows() > max_rows_) coarsen();
}

// A group's latest moment is in front. Samples come nearly in order of time, so that an earlier
// second is among the last few or new.
void SampleTable::insert(uint32_t group, const Moment& moment) {
  Moment& latest = latest_[group];
  const auto row = static_cast<uint32_t>(earlier_.size());
  if (moment.second > latest.second) {
    earlier_.push_back(latest);
    latest = moment;
    latest.before = row;
    return;
  }
  Moment* known = &latest;
  for (int looked_at = 0; looked_at < 4; ++looked_at) {
    if (known->second == moment.second) {
      known->count += moment.count;
      known->weight += moment.weight;
      return;
    }
    if (known->before == kNone) break;
    known = &earlier_[known->before];
  }
  earlier_.push_back(moment);
  earlier_.back().before = std::exchange(latest.before, row);
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

// Groups of one stack and backend stand for a few others at most: those two decide first.
std::vector<uint32_t> SampleTable::sorted_groups() const {
  std::vector<std::pair<uint64_t, uint32_t>> keys;
  keys.reserve(groups_.size());
  for (const Group& group : groups_)
    keys.emplace_back(uint64_t{group.stack.value} << 32 | group.backend.value, group.number);
  std::ranges::sort(keys, [this](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first
                              : groups_[a.second].comes_before(groups_[b.second]);
  });
  std::vector<uint32_t> order;
  order.reserve(keys.size());
  for (const auto& [key, number] : keys)
    order.push_back(number);
  return order;
}

// The rows of `earlier_`, those of one group together. (Following the chains would wait for memory
// at each step.)
std::vector<uint32_t> SampleTable::earlier_by_group(const std::vector<uint32_t>& order) const {
  std::vector<uint32_t> next(groups_.size());
  for (const Moment& moment : earlier_)
    ++next[moment.group];
  uint32_t begin = 0;
  for (const uint32_t group : order)
    begin += std::exchange(next[group], begin);
  std::vector<uint32_t> rows(earlier_.size());
  for (uint32_t row = 0; row < earlier_.size(); ++row)
    rows[next[earlier_[row].group]++] = row;
  return rows;
}

std::vector<Sample> SampleTable::take() && {
  index_ = {};
  const std::vector<uint32_t> order = sorted_groups();
  const std::vector<uint32_t> earlier = earlier_by_group(order);
  std::vector<Sample> rows;
  rows.reserve(this->rows());
  std::vector<Moment> moments;
  size_t at = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    constexpr size_t kAhead = 8;
    if (i + kAhead < order.size()) {
      prefetch(order[i + kAhead]);
      __builtin_prefetch(&groups_[order[i + kAhead]]);
    }
    moments.clear();
    for (; at < earlier.size() && earlier_[earlier[at]].group == order[i]; ++at) {
      if (at + 2 * kAhead < earlier.size()) __builtin_prefetch(&earlier_[earlier[at + 2 * kAhead]]);
      moments.push_back(earlier_[earlier[at]]);
    }
    moments.push_back(latest_[order[i]]);
    append_rows(groups_[order[i]], moments, rows);
  }
  return rows;
}

// One row per second.
void SampleTable::append_rows(const Group& group,
                              std::vector<Moment>& moments,
                              std::vector<Sample>& rows) {
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

}  // namespace pgflame::input
