#include <map>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "flamegraph/counterparts.h"
#include "src/report/change.h"
#include "src/report/report.h"
#include "tests/support/profile_text.h"
#include "tests/support/sample_report.h"

using namespace pgflame;
using namespace pgflame::report;

TEST_SUITE("report") {
  TEST_CASE("a frame's change is noise or has a direction") {
    const Profile before = testing::profile_from_folded(
        "a;shrinks 3000\na;stays 3000\na;grows 1000\na;goes 500\na;tiny 3\n");
    const Profile after = testing::profile_from_folded(
        "a;shrinks 1500\na;stays 3050\na;grows 2500\na;comes 500\na;tiny 9\n");
    const auto left = flamegraph::collapse(before);
    const auto right = flamegraph::collapse(after);
    const FrameChanges changes = compare_frames({before, left}, {after, right});
    std::map<std::string, std::string> seen;
    for (uint32_t i = 1; i < changes.before.size(); ++i) {
      seen[std::string(name_of(before, left, flamegraph::NodeId{i}))] = describe(changes.before[i]);
    }
    for (uint32_t i = 1; i < changes.after.size(); ++i) {
      const std::string name(name_of(after, right, flamegraph::NodeId{i}));
      const std::string text = describe(changes.after[i]);
      if (seen.contains(name)) CHECK(seen[name] == text);
      seen[name] = text;
    }
    CHECK(seen["shrinks"] == "before 40.0 %, after 19.8 %: −20.1 points");
    CHECK(seen["grows"] == "before 13.3 %, after 33.1 %: +19.7 points");
    CHECK(seen["stays"].ends_with(": within noise"));
    CHECK(seen["tiny"].ends_with(": within noise"));
    CHECK(seen["goes"].ends_with(": gone"));
    CHECK(seen["comes"].ends_with(": new"));
  }

  TEST_CASE("ten thousand samples of the same load show no change in any frame") {
    std::string one;
    std::string other;
    for (int i = 0; i < 200; ++i) {
      one += fmt::format("a;f{};g{} {}\n", i % 20, i, 50 + i * 7 % 13);
      other += fmt::format("a;f{};g{} {}\n", i % 20, i, 50 + i * 11 % 13);
    }
    const Profile before = testing::profile_from_folded(one);
    const Profile after = testing::profile_from_folded(other);
    const auto left = flamegraph::collapse(before);
    const auto right = flamegraph::collapse(after);
    for (const Change& change : compare_frames({before, left}, {after, right}).after)
      CHECK(change.trend == Trend::kSame);
  }

  TEST_CASE("frames are paired by their path of names") {
    const Profile one = testing::profile_from_folded("a;b;c 3\na;x 1\n");
    const Profile other = testing::profile_from_folded("q;c 1\na;b 2\na;b;d 2\n");
    const auto left = flamegraph::collapse(one);
    const auto right = flamegraph::collapse(other);
    const auto pairs = flamegraph::counterparts({one, left}, {other, right});
    for (uint32_t i = 0; i < pairs.size(); ++i) {
      const std::string_view name = name_of(one, left, flamegraph::NodeId{i});
      CAPTURE(name);
      const bool paired = name == "all" || name == "a" || name == "b";
      REQUIRE(pairs[i].valid() == paired);
      if (paired) CHECK(name_of(other, right, pairs[i]) == name);
    }
  }

  TEST_CASE("the comparison shows both sides, what is gone, and noise as noise") {
    const auto before = testing::sample_report();
    const auto after = testing::sample_report_after();
    diagnose::Difference difference = diagnose::compare(before.profile, after.profile);
    difference.verdict = "Deforming <fell>.";
    const std::string svg = to_diff_svg(before.profile, after.profile, difference);
    for (const std::string_view part : {"What changed: PostgreSQL 15.18",
                                        "Deforming &lt;fell&gt;.",
                                        "tuple deforming (DEFORM): ",
                                        "data-graph=\"before\"",
                                        "data-graph=\"after\"",
                                        "Gone since before",
                                        "standard_planner",
                                        ": within noise",
                                        ": gone",
                                        "−14.1"}) {
      CAPTURE(part);
      CHECK(svg.find(part) != std::string::npos);
    }
  }

  TEST_CASE("the comparison of captures that carry no claims says so first and colours nothing") {
    const Profile before = testing::profile_from_folded("_start;main;a 900\n_start;main;b 100\n");
    Profile after = testing::profile_from_folded("_start;main;a 100\ncut;c 900\n");
    after.samples[1].end = StackEnd::kTruncated;
    const std::string svg = to_diff_svg(before, after, diagnose::compare(before, after));
    CHECK(svg.find("The capture AFTER has grade F") != std::string::npos);
    CHECK(svg.find("no frame is coloured") != std::string::npos);
    for (const std::string_view claim :
         {"within noise", ": new", ": gone", "points", "Gone since"}) {
      CAPTURE(claim);
      CHECK(svg.find(claim) == std::string::npos);
    }
  }

  TEST_CASE("two empty profiles can be compared") {
    const std::string svg = to_diff_svg({}, {}, diagnose::compare({}, {}));
    CHECK(svg.ends_with("</svg>\n"));
  }
}
