#include <doctest/doctest.h>

#include "flamegraph/counterparts.h"
#include "src/report/change.h"
#include "src/report/report.h"
#include "tests/support/profile_text.h"
#include "tests/support/sample_report.h"

using namespace pgflame;
using namespace pgflame::report;

TEST_SUITE("report") {
  TEST_CASE("small differences are noise, large ones have a direction") {
    struct Row {
      Portion before;
      Portion after;
      Trend trend;
    };
    for (const Row& row : {Row{{300, 1000}, {310, 1000}, Trend::kSame},
                           Row{{300, 1000}, {150, 1000}, Trend::kShrank},
                           Row{{3000, 10000}, {3000, 5000}, Trend::kGrew},
                           Row{{0, 1000}, {50, 1000}, Trend::kNew},
                           Row{{50, 1000}, {0, 1000}, Trend::kGone},
                           Row{{1, 10}, {0, 10}, Trend::kSame},
                           Row{{1000000, 10000000}, {1020000, 10000000}, Trend::kSame},
                           Row{{0, 0}, {50, 1000}, Trend::kSame}}) {
      CAPTURE(row.before.samples);
      CAPTURE(row.after.samples);
      CHECK(change_of(row.before, row.after).trend == row.trend);
    }
    CHECK(describe(change_of({300, 1000}, {150, 1000})) ==
          "before 30.0 %, after 15.0 %: −15.0 points");
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
    const std::string svg = to_diff_svg(
        before.profile, after.profile, {"Deforming <fell>.", {"It fell by 13 points."}});
    for (const std::string_view part : {"What changed: PostgreSQL 15.18",
                                        "Deforming &lt;fell&gt;.",
                                        "It fell by 13 points.",
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

  TEST_CASE("two empty profiles can be compared") {
    const std::string svg = to_diff_svg({}, {}, {});
    CHECK(svg.ends_with("</svg>\n"));
  }
}
