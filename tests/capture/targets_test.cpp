#include "src/capture/targets.h"

#include <cmath>

#include <doctest/doctest.h>
#include <unistd.h>

#include "src/capture/capture.h"
#include "src/capture/clusters.h"
#include "src/capture/proc.h"

using namespace pgflame;
using namespace pgflame::capture;

namespace {

std::vector<RunningCluster> two_clusters() {
  RunningCluster first;
  first.cluster.postmaster = 100;
  first.cluster.port = 5432;
  first.cluster.data_directory = "/data/one";
  first.members = {100, 101, 102};
  RunningCluster second;
  second.cluster.postmaster = 200;
  second.cluster.port = 5433;
  second.cluster.data_directory = "/data/two";
  second.members = {200, 201};
  return {first, second};
}

Result<Targets> resolve(const std::vector<std::string>& words) {
  auto parsed = parse_targets(words);
  if (!parsed) return fail(std::move(parsed).error());
  return resolve_targets(*parsed, two_clusters());
}

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("targets are the word postgres, pids, ports, directories and lists of them") {
    const auto every = resolve({"postgres"});
    REQUIRE(every);
    CHECK(every->every_cluster);
    CHECK(every->whole_clusters == std::vector<int32_t>{100, 200});

    const auto mixed = resolve({"101, :5433", "200"});
    REQUIRE(mixed);
    CHECK_FALSE(mixed->every_cluster);
    CHECK(mixed->whole_clusters == std::vector<int32_t>{200});
    CHECK(mixed->backends == std::vector<int32_t>{101});
    CHECK(mixed->clusters.size() == 2);

    const auto postmaster = resolve({"100"});
    REQUIRE(postmaster);
    CHECK(postmaster->whole_clusters == std::vector<int32_t>{100});
    CHECK(postmaster->backends.empty());
  }

  TEST_CASE("a target that means nothing is an error that names it and says what runs") {
    struct Row {
      const char* word;
      ErrorKind kind;
      const char* says;
    };
    const std::string self = std::to_string(::getpid());
    const Row rows[] = {
        {"mysql", ErrorKind::kUsage, "\"mysql\""},
        {"", ErrorKind::kUsage, "\"\""},
        {"-5", ErrorKind::kUsage, "\"-5\""},
        {":0", ErrorKind::kUsage, "\":0\""},
        {":99999", ErrorKind::kUsage, "\":99999\""},
        {":6000", ErrorKind::kNotFound, "port 6000"},
        {"2147483647", ErrorKind::kNotFound, "2147483647"},
        {"/no/such/folder", ErrorKind::kNotFound, "/no/such/folder"},
        {self.c_str(), ErrorKind::kNotFound, "does not belong to a PostgreSQL cluster"},
    };
    for (const Row& row : rows) {
      CAPTURE(row.word);
      const auto targets = resolve({row.word});
      REQUIRE_FALSE(targets);
      CHECK(targets.error().kind == row.kind);
      CHECK(targets.error().what.find(row.says) != std::string::npos);
      CHECK_FALSE(targets.error().hint.empty());
    }
    const auto nothing = resolve_targets({EveryCluster{}}, {});
    REQUIRE_FALSE(nothing);
    CHECK(nothing.error().kind == ErrorKind::kNotFound);
  }

  TEST_CASE("an impossible rate is refused before anything is looked at") {
    for (const double rate : {0.0, -1.0, 1e9, std::nan("")}) {
      capture::Options options;
      options.rate_hz = rate;
      const auto recorded = record(options, {});
      REQUIRE_FALSE(recorded);
      CHECK(recorded.error().kind == ErrorKind::kUsage);
    }
  }

  TEST_CASE("postmasters are servers whose parent is none") {
    const std::vector<ProcessRow> processes = {
        {1, 0, "/sbin/init"},
        {10, 1, "/usr/lib/postgresql/15/bin/postgres"},
        {11, 10, "/usr/lib/postgresql/15/bin/postgres"},
        {12, 11, "/bin/sh"},
        {20, 1, "/opt/pg/bin/postgres"},
        {30, 1, "/usr/bin/psql"},
        {31, 1, "/usr/bin/not-postgres"},
    };
    CHECK(postmasters_among(processes) == std::vector<int32_t>{10, 20});
    CHECK(descendants_of(10, processes) == std::vector<int32_t>{10, 11, 12});
    CHECK(descendants_of(5, {{5, 6, ""}, {6, 5, ""}}) == std::vector<int32_t>{5, 6});
  }

  TEST_CASE("postmaster.pid gives pid, directory and port, cut short or not") {
    const auto whole = parse_postmaster_file("4242\n/data/my dir\n1700000000\n5433\n/tmp\n*\n");
    REQUIRE(whole);
    CHECK(whole->pid == 4242);
    CHECK(whole->data_directory == "/data/my dir");
    CHECK(whole->port == 5433);
    const auto early = parse_postmaster_file("4242\n/data\n");
    REQUIRE(early);
    CHECK(early->port == 0);
    for (const char* text : {"", "4242", "-17\n/data\n1\n", "x\ny\n", "99999999999\n/data\n"}) {
      CAPTURE(text);
      CHECK_FALSE(parse_postmaster_file(text));
    }
  }

  TEST_CASE("the version is the string that says who compiled it") {
    using namespace std::string_view_literals;
    CHECK(find_version("PostgreSQL is great\0PostgreSQL %s on x\0PostgreSQL 15.18 (Debian "
                       "15.18-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc\0"sv) ==
          "15.18 (Debian 15.18-0+deb12u1)");
    CHECK(find_version("PostgreSQL 15.18 on x86_64").empty());
    CHECK(find_version("PostgreSQL ").empty());
    CHECK(find_version("").empty());
  }

  TEST_CASE("stat lines are read behind the last parenthesis") {
    const auto stat = parse_stat(
        "42 (a) b (c) S 7 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 500 1000 10 "
        "18446744073709551615 1 1 0 0 0 0\n");
    REQUIRE(stat);
    CHECK(stat->comm == "a) b (c");
    CHECK(stat->state == 'S');
    CHECK(stat->parent == 7);
    CHECK(stat->start_ns == 500 * (1'000'000'000 / ::sysconf(_SC_CLK_TCK)));
    CHECK_FALSE(stat->ending);
    const auto ending = parse_stat("42 (x) R 7 42 42 0 -1 4194308 1 0 0 0 0 0 0 0 20 0 1 0 500 0");
    REQUIRE(ending);
    CHECK(ending->ending);
    for (const char* text : {"", "42", "42 (x", "42 (x)", "42 (x) S 1", ") ("}) {
      CAPTURE(text);
      CHECK_FALSE(parse_stat(text));
    }
  }

  TEST_CASE("the control group is that of the unified hierarchy, else systemd's") {
    CHECK(parse_cgroup("0::/system.slice/x.service\n") == "/system.slice/x.service");
    CHECK(parse_cgroup("4:memory:/docker/1\n1:name=systemd:/docker/2\n") == "/docker/2");
    CHECK(parse_cgroup("1:name=systemd:/a\n0::/\n") == "/a");
    CHECK(parse_cgroup("3:cpu:/b\n1:name=systemd:/\n0::/\n") == "/b");
    CHECK(parse_cgroup("") == "");
    CHECK(parse_cgroup("garbage:\n:/\n0:") == "");
  }

  TEST_CASE("CPU lists are ranges and numbers") {
    CHECK(parse_cpu_list("0-2,5\n") == std::vector<int>{0, 1, 2, 5});
    CHECK(parse_cpu_list("7") == std::vector<int>{7});
    CHECK(parse_cpu_list("x,3-,0-99999999999,4").size() == 1);
    CHECK(parse_cpu_list("").empty());
  }
}
