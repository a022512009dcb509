// The clusters of a recording as its reader tells them apart, when there are several.
//
// Servers on the same data directory and port whose samples follow one another in time are one that
// was restarted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/profile/profile.h"

namespace pgflame {

class ClusterIndex {
 public:
  // So many are told apart, what is beyond shares one more row, "other clusters".
  static constexpr size_t kMost = 100;
  static constexpr uint32_t kNone = 0xffffffff;

  struct Row {
    Cluster cluster;   // as it last ran
    std::string name;  // the port, where that tells it apart: "port 5432"; else its data directory
  };

  explicit ClusterIndex(const Profile& profile);

  bool several() const { return rows_.size() > 1; }
  size_t count() const { return count_; }  // also of those that share a row
  const std::vector<Row>& rows() const { return rows_; }

  // kNone when the backend's cluster is not known, and when there are not several.
  uint32_t row_of(BackendId backend) const {
    return backend.value < row_of_backend_.size() ? row_of_backend_[backend.value] : kNone;
  }
  // Empty for kNone.
  std::string_view name_of(uint32_t row) const {
    return row < rows_.size() ? std::string_view(rows_[row].name) : std::string_view();
  }

 private:
  // The rows by postmaster.
  std::unordered_map<int32_t, uint32_t> find_rows(const Profile& profile);
  void name_rows();

  size_t count_ = 0;
  std::vector<Row> rows_;
  std::vector<uint32_t> row_of_backend_;  // empty when there are not several
};

}  // namespace pgflame
