// What the user asked to sample (-p), and which processes that means at this moment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/base/error.h"
#include "src/capture/clusters.h"

namespace pgflame::capture {

struct EveryCluster {};  // the word "postgres"
struct TargetPid {
  int32_t pid = 0;
};
struct TargetPort {  // ":5432"
  uint16_t port = 0;
};
struct TargetDirectory {
  std::string path;
};
using TargetWord = std::variant<EveryCluster, TargetPid, TargetPort, TargetDirectory>;

// Words may be comma lists. An empty list means every cluster.
Result<std::vector<TargetWord>> parse_targets(const std::vector<std::string>& words);

struct Targets {
  std::vector<RunningCluster> clusters;  // those that something was chosen of
  std::vector<int32_t> whole_clusters;   // postmasters of which every process is a target
  std::vector<int32_t> backends;         // single processes
  bool every_cluster = false;
};

// Whether `cgroup` is or lies in the one that the user named: a path ("/system.slice/x", with or
// without /sys/fs/cgroup before it), or a part of one folder's name, such as a container's id.
bool in_cgroup(std::string_view cgroup, std::string_view wanted);

// The clusters whose postmaster runs there; fails when there are none. An empty `wanted` keeps all.
Result<std::vector<RunningCluster>> keep_cgroup(std::vector<RunningCluster> clusters,
                                                const std::string& wanted);

// Fails when a word means nothing that runs here, naming the word.
Result<Targets> resolve_targets(const std::vector<TargetWord>& words,
                                std::vector<RunningCluster> clusters);

}  // namespace pgflame::capture
