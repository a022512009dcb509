// Samples by their tags: equal ones are one row. The number of rows is bounded; when a long capture
// has more, seconds are merged in pairs until it fits, so that memory grows with the number of
// different stacks and not with time.
#pragma once

#include <cstdint>
#include <vector>

#include "src/base/hash_index.h"
#include "src/profile/bounded_sum.h"
#include "src/profile/profile.h"

namespace pgflame::input {

class SampleTable {
 public:
  static constexpr size_t kMaxRows = size_t{1} << 19;

  explicit SampleTable(size_t max_rows = kMaxRows) : max_rows_(max_rows) {}

  // Returns the number of the sample's group: those that differ from it in nothing but their second
  // (and counts). Later ones of the group can be added by its number.
  uint32_t add(const Sample& sample);
  void add_to(uint32_t group, uint32_t second, uint64_t count, uint64_t weight);
  // Fetches what add_to() will need for this group.
  void prefetch(uint32_t group) const {
    if (group < latest_.size()) __builtin_prefetch(&latest_[group]);
  }
  // Seconds that one value of Sample::second stands for.
  uint32_t resolution() const { return resolution_; }
  // Not all of the counts or weights could be counted.
  bool cut() const { return counts_.cut() || weights_.cut(); }
  // Ordered by stack and the other tags, then by second.
  std::vector<Sample> take() &&;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  // One second of a group; the group's moments are chained, latest first.
  struct Moment {
    uint32_t second = 0;
    uint32_t before = kNone;  // row of `earlier_`
    uint64_t count = 0;
    uint64_t weight = 0;
    uint32_t group = 0;
  };
  // Samples that differ in nothing but their second.
  struct Group {
    StackId stack;
    BackendId backend;
    State state = State::kRunning;
    StackEnd end = StackEnd::kUnknown;
    uint32_t wait_event = kUnknownWait;
    uint64_t query_id = 0;
    uint32_t number = 0;  // of its row in `latest_`

    explicit Group(const Sample& sample);
    bool operator==(const Group& other) const;
    bool comes_before(const Group& other) const;
    uint64_t hash() const;
  };

  size_t rows() const { return latest_.size() + earlier_.size(); }
  void insert(uint32_t group, const Moment& moment);
  void coarsen();
  std::vector<uint32_t> sorted_groups() const;
  std::vector<uint32_t> earlier_by_group(const std::vector<uint32_t>& order) const;
  void append_rows(const Group& group, std::vector<Moment>& moments, std::vector<Sample>& rows);

  std::vector<Group> groups_;
  std::vector<Moment> latest_;  // of each group: the one that most samples add to
  std::vector<Moment> earlier_;
  HashIndex index_;
  BoundedSum counts_;
  BoundedSum weights_;
  size_t max_rows_;
  uint32_t resolution_ = 1;
};

}  // namespace pgflame::input
