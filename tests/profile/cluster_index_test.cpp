#include "src/profile/cluster_index.h"

#include <doctest/doctest.h>

#include "tests/support/profile_text.h"

using namespace pgflame;

namespace {

// A server, and the seconds in which it was sampled.
struct Server {
  int32_t postmaster = 0;
  uint16_t port = 0;
  const char* directory = "";
  std::vector<uint32_t> seconds = {0, 9};
};

Profile profile_of(const std::vector<Server>& servers) {
  Profile profile;
  for (const Server& server : servers) {
    Cluster cluster;
    cluster.postmaster = server.postmaster;
    cluster.port = server.port;
    cluster.data_directory = server.directory;
    profile.clusters.push_back(cluster);
    Backend backend;
    backend.postmaster = server.postmaster;
    Sample sample;
    sample.backend = profile.backends.add(backend);
    for (const uint32_t second : server.seconds) {
      sample.second = second;
      profile.samples.push_back(sample);
    }
  }
  return profile;
}

// The names of the rows, and behind them the row of each server's backend.
std::string told_apart(const std::vector<Server>& servers) {
  const Profile profile = profile_of(servers);
  const ClusterIndex index(profile);
  std::string text;
  for (const ClusterIndex::Row& row : index.rows())
    text += row.name + "; ";
  for (uint32_t i = 0; i < profile.backends.size(); ++i) {
    const uint32_t row = index.row_of(BackendId{i});
    text += row == ClusterIndex::kNone ? "-" : std::to_string(row);
  }
  return text;
}

}  // namespace

TEST_SUITE("profile") {
  TEST_CASE("clusters go by their port, else by their data directory or postmaster") {
    CHECK(told_apart({{1, 5432, "/a"}, {2, 5433, "/a"}}) == "port 5432; port 5433; 01");
    CHECK(told_apart({{1, 5432, "/a"}, {2, 5432, "/b"}, {3, 5433, "/c"}}) ==
          "/a; /b; port 5433; 012");
    CHECK(told_apart({{1, 0, "/a"}, {2, 5432, "/b"}}) == "/a; port 5432; 01");
    CHECK(told_apart({{1, 5432, "/a"}, {2, 5432, "/a"}}) == "postmaster 1; postmaster 2; 01");
  }

  TEST_CASE("one cluster is not told apart from anything") {
    CHECK(told_apart({{1, 5432, "/a"}}) == "port 5432; -");
    CHECK(told_apart({}).empty());
  }

  TEST_CASE("a server that was restarted stays the same cluster") {
    CHECK(told_apart({{1, 5432, "/a", {0, 3}}, {2, 5432, "/a", {3, 9}}}) == "port 5432; --");
    CHECK(told_apart({{1, 5432, "/a", {0, 3}},
                      {2, 5433, "/b"},
                      {3, 5432, "/a", {4, 6}},
                      {4, 5432, "/a", {7, 9}}}) == "port 5432; port 5433; 0100");
    // Containers: all are there from the start.
    CHECK(told_apart({{1, 5432, "/a", {0}}, {2, 5432, "/a", {0}}}) ==
          "postmaster 1; postmaster 2; 01");
    CHECK(told_apart({{1, 5432, "/a", {0, 3}}, {2, 5432, "/a", {2, 9}}}) ==
          "postmaster 1; postmaster 2; 01");
    CHECK(told_apart({{1, 5432, "/a", {0, 3}}, {2, 5432, "/b", {4, 9}}}) == "/a; /b; 01");
  }

  TEST_CASE("a backend of an unknown cluster is of none") {
    Profile profile = testing::profile_of_two_clusters();
    profile.backends[BackendId{1}].postmaster = 0;
    const ClusterIndex index(profile);
    CHECK(index.name_of(index.row_of(BackendId{0})) == "port 5432");
    CHECK(index.row_of(BackendId{1}) == ClusterIndex::kNone);
    CHECK(index.row_of(BackendId{}) == ClusterIndex::kNone);
    CHECK(index.name_of(ClusterIndex::kNone).empty());
  }

  TEST_CASE("of very many clusters the last ones share a row") {
    std::vector<Server> servers;
    for (int32_t i = 1; i <= 300; ++i)
      servers.push_back({i, static_cast<uint16_t>(i), "/a"});
    const ClusterIndex index(profile_of(servers));
    REQUIRE(index.rows().size() == ClusterIndex::kMost + 1);
    CHECK(index.count() == 300);
    CHECK(index.name_of(index.row_of(BackendId{99})) == "port 100");
    CHECK(index.name_of(index.row_of(BackendId{100})) == "other clusters");
    CHECK(index.name_of(index.row_of(BackendId{299})) == "other clusters");
  }
}
