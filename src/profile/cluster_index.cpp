#include "src/profile/cluster_index.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

namespace pgflame {
namespace {

// The seconds in which a server's backends were sampled.
struct Span {
  uint32_t first = std::numeric_limits<uint32_t>::max();
  uint32_t last = 0;
};
using Spans = std::unordered_map<int32_t, Span>;  // by postmaster

Spans spans_of(const Profile& profile) {
  Spans spans;
  for (const Sample& sample : profile.samples) {
    if (!profile.backends.contains(sample.backend)) continue;
    Span& span = spans[profile.backends[sample.backend].postmaster];
    span.first = std::min(span.first, sample.second);
    span.last = std::max(span.last, sample.second);
  }
  return spans;
}

// Servers that run at the same time are sampled from the first second on.
bool follows(const Span& before, const Span& after) {
  return after.first > 0 && after.first <= after.last && before.last <= after.first;
}

std::string port_of(const Cluster& cluster) {
  return cluster.port == 0 ? std::string() : "port " + std::to_string(cluster.port);
}

}  // namespace

ClusterIndex::ClusterIndex(const Profile& profile) {
  const auto row_of_postmaster = find_rows(profile);
  name_rows();
  if (!several()) return;
  row_of_backend_.reserve(profile.backends.size());
  for (const Backend& backend : profile.backends) {
    const auto found = row_of_postmaster.find(backend.postmaster);
    row_of_backend_.push_back(found == row_of_postmaster.end() ? kNone : found->second);
  }
}

std::unordered_map<int32_t, uint32_t> ClusterIndex::find_rows(const Profile& profile) {
  std::unordered_map<int32_t, uint32_t> row_of_postmaster;
  std::map<std::pair<std::string, uint16_t>, uint32_t> rows_there;  // the last one at each place
  std::optional<Spans> spans;                                       // hardly ever needed
  const auto restarted = [&](uint32_t row, int32_t postmaster) {
    if (!spans) spans = spans_of(profile);
    return follows((*spans)[rows_[row].cluster.postmaster], (*spans)[postmaster]);
  };
  for (const Cluster& cluster : profile.clusters) {
    const auto [there, is_new] = rows_there.try_emplace({cluster.data_directory, cluster.port}, 0);
    uint32_t& row = there->second;
    if (!is_new && row < kMost && restarted(row, cluster.postmaster)) {
      rows_[row].cluster = cluster;
    } else {
      row = static_cast<uint32_t>(std::min(count_++, kMost));
      if (row == rows_.size())
        rows_.push_back(row < kMost ? Row{cluster, {}} : Row{{}, "other clusters"});
    }
    if (cluster.postmaster != 0) row_of_postmaster.try_emplace(cluster.postmaster, row);
  }
  return row_of_postmaster;
}

// Containers may all use the same port, and the same data directory, each in its own namespace.
void ClusterIndex::name_rows() {
  std::map<std::string, size_t> ports;
  std::map<std::string, size_t> directories;
  for (const Row& row : rows_) {
    ++ports[port_of(row.cluster)];
    ++directories[row.cluster.data_directory];
  }
  for (Row& row : rows_) {
    if (!row.name.empty()) continue;
    const Cluster& cluster = row.cluster;
    if (cluster.port != 0 && ports[port_of(cluster)] == 1) {
      row.name = port_of(cluster);
    } else if (!cluster.data_directory.empty() && directories[cluster.data_directory] == 1) {
      row.name = cluster.data_directory;
    } else {
      row.name = "postmaster " + std::to_string(cluster.postmaster);
    }
  }
}

}  // namespace pgflame
