#include <doctest/doctest.h>
#include <fmt/format.h>

#include "src/diagnose/diagnose.h"
#include "tests/support/profile_text.h"

namespace pgflame::diagnose {
namespace {

using testing::profile_of_two_clusters;

std::string to_text(const std::vector<TableRow>& rows) {
  std::string text;
  for (const TableRow& row : rows) {
    text += fmt::format("{}|{}|{}|{:.2f}|{:.2f}\n",
                        row.key,
                        row.cluster,
                        row.samples,
                        row.share,
                        row.waiting_share);
  }
  return text;
}

std::string to_text(const std::vector<ClusterRow>& rows) {
  std::string text;
  for (const ClusterRow& row : rows) {
    text += fmt::format("{}|{}|{}|{}|{:.2f}|{:.2f}\n",
                        row.name,
                        row.cluster.version,
                        row.backends,
                        row.samples,
                        row.share,
                        row.waiting_share);
  }
  return text;
}

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("clusters have a table, and what has the same name in two of them is two rows") {
    const Diagnosis diagnosis = diagnose(profile_of_two_clusters());
    CHECK(to_text(diagnosis.clusters) ==
          "port 5433|15.18 (Debian 15.18-0+deb12u1)|1|100|0.25|1.00\n"
          "port 5432|17.2|1|300|0.75|0.00\n");
    constexpr std::string_view kRows = "{0}|port 5433|100|0.25|1.00\n{0}|port 5432|300|0.75|0.00\n";
    CHECK(to_text(diagnosis.databases) == fmt::format(kRows, "postgres"));
    CHECK(to_text(diagnosis.users) == fmt::format(kRows, "postgres"));
    CHECK(to_text(diagnosis.queries) == fmt::format(kRows, "42"));
    CHECK(diagnosis.queries[1].detail == "select $1");
    CHECK(to_text(diagnosis.backend_types) == fmt::format(kRows, "client backend"));
    CHECK(diagnosis.applications.empty());
    CHECK(to_text(diagnosis.functions) ==
          "heap_getnextslot|port 5432|300|0.75|0.00\nheap_getnextslot|port 5433|100|0.25|0.00\n");
    CHECK(diagnosis.functions[0].total_share == doctest::Approx(0.75));
  }

  TEST_CASE("a cluster that did nothing is listed, and so are samples of no known cluster") {
    Profile profile = profile_of_two_clusters();
    profile.clusters[1].postmaster = 3000;
    CHECK(to_text(diagnose(profile).clusters) ==
          "||1|100|0.25|1.00\nport 5432|17.2|1|300|0.75|0.00\n"
          "port 5433|15.18 (Debian 15.18-0+deb12u1)|0|0|0.00|0.00\n");
  }

  TEST_CASE("a selection counts the backends that are in it") {
    Profile profile = profile_of_two_clusters();
    profile.backends[BackendId{1}].database = "shop";
    Options options;
    options.selection.database = "shop";
    CHECK(
        to_text(diagnose(profile, options).clusters) ==
        "port 5433|15.18 (Debian 15.18-0+deb12u1)|1|100|1.00|1.00\nport 5432|17.2|0|0|0.00|0.00\n");
  }

  TEST_CASE("with one cluster nothing is told apart") {
    Profile profile = profile_of_two_clusters();
    profile.clusters.pop_back();
    const Diagnosis diagnosis = diagnose(profile);
    CHECK(diagnosis.clusters.empty());
    CHECK(to_text(diagnosis.databases) == "postgres||400|1.00|1.00\n");
    CHECK(to_text(diagnosis.queries) == "42||400|1.00|1.00\n");
    CHECK(to_text(diagnosis.functions) == "heap_getnextslot||400|1.00|0.00\n");
  }

  TEST_CASE("a finding says which cluster it is about, where it is about one") {
    Profile profile = profile_of_two_clusters();
    const auto seen = [&] {
      const Diagnosis diagnosis = diagnose(profile);
      REQUIRE(!diagnosis.findings.empty());
      return diagnosis.findings[0].seen;
    };
    CHECK(seen().find("Database: ") == std::string::npos);
    CHECK(seen().find("Cluster: ") == std::string::npos);
    profile.samples.front().count *= 10;
    profile.samples.front().weight *= 10;
    CHECK(seen().find("Database: postgres, port 5432.") != std::string::npos);
    for (Backend& backend : profile.backends)
      backend.database.clear();
    CHECK(seen().find("Cluster: port 5432.") != std::string::npos);
  }
}

}  // namespace pgflame::diagnose
