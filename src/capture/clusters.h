// Finds the PostgreSQL clusters that run on this host, by executable and process tree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/profile/profile.h"

namespace pgflame::capture {

struct RunningCluster {
  Cluster cluster;
  std::string executable;        // as the postmaster's mount namespace names it
  std::vector<int32_t> members;  // the postmaster and all its descendants
};

std::vector<RunningCluster> find_clusters();

// One process as the finder sees it.
struct ProcessRow {
  int32_t pid = 0;
  int32_t parent = 0;
  std::string executable;
};

// The pids whose executable is a Postgres server and whose parent's is not.
std::vector<int32_t> postmasters_among(const std::vector<ProcessRow>& processes);
std::vector<int32_t> descendants_of(int32_t root, const std::vector<ProcessRow>& processes);

// The fields of postmaster.pid that we use (src/include/utils/pidfile.h, same lines since 9.1).
struct PostmasterFile {
  int32_t pid = 0;  // in the server's own pid namespace
  std::string data_directory;
  uint16_t port = 0;
};
std::optional<PostmasterFile> parse_postmaster_file(std::string_view text);

// "15.18 (Debian 15.18-0+deb12u1)" from the server's version string, which stands in its binary:
// "PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu, compiled by ...". Or empty.
std::string find_version(std::string_view binary);

}  // namespace pgflame::capture
