#include "src/diagnose/difference.h"

#include <algorithm>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "tests/support/profile_text.h"

namespace pgflame::diagnose {
namespace {

using testing::profile_from_folded;

const Delta& delta(const Difference& difference, DeltaKind kind, std::string_view id) {
  const auto found = std::ranges::find_if(difference.deltas, [&](const Delta& candidate) {
    return candidate.kind == kind && candidate.id == id;
  });
  REQUIRE(found != difference.deltas.end());
  return *found;
}

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("a grown pattern is told with its size, noise is told to be noise") {
    const Profile before = profile_from_folded(R"(
      _start;main;BufTableLookup;hash_search_with_hash_value 41
      _start;main;ExecSeqScan 959
    )");
    const Profile after = profile_from_folded(R"(
      _start;main;BufTableLookup;hash_search_with_hash_value.constprop.0 129
      _start;main;ExecSeqScan 871
    )");
    const Difference difference = compare(before, after);
    const Delta& lookups = delta(difference, DeltaKind::kActivity, "DYNA-BUF");
    CHECK(lookups.significant);
    CHECK(lookups.change == doctest::Approx(0.088));
    CHECK(lookups.sentence ==
          "buffer table lookups (DYNA-BUF): 4.1 % → 12.9 % of CPU (+8.8 ±2.4 points).");
    // The clone's suffix does not make it another function.
    CHECK(delta(difference, DeltaKind::kSelf, "hash_search_with_hash_value").presence ==
          Presence::kBoth);

    const Difference noise = compare(before, profile_from_folded(R"(
      _start;main;BufTableLookup;hash_search_with_hash_value 45
      _start;main;ExecSeqScan 955
    )"));
    CHECK(noise.sentences.empty());
    CHECK(noise.verdict.find("within what sampling alone produces") != std::string::npos);
  }

  TEST_CASE("what is gone and what is new is kept") {
    const Difference difference =
        compare(profile_from_folded("_start;main;old_one 500\n_start;main;ExecSeqScan 500"),
                profile_from_folded("_start;main;new_one 500\n_start;main;ExecSeqScan 500"));
    CHECK(delta(difference, DeltaKind::kSelf, "old_one").presence == Presence::kGone);
    CHECK(delta(difference, DeltaKind::kSelf, "new_one").presence == Presence::kNew);
    CHECK(delta(difference, DeltaKind::kSelf, "new_one").significant);
    const auto json = nlohmann::json::parse(difference_to_json(difference));
    CHECK(json["schema"] == "pgflame-diff-1");
    CHECK(json["deltas"].size() == difference.deltas.size());
  }

  TEST_CASE("a capture that carries no findings carries no claims of change") {
    const Profile whole = profile_from_folded("_start;main;ExecSeqScan 500\n_start;main;old 500");
    Profile cut = profile_from_folded("_start;main;ExecSeqScan 100\nExecSort;new 900");
    cut.samples[1].end = StackEnd::kTruncated;
    const Difference difference = compare(cut, whole);
    REQUIRE(difference.caveats.size() == 1);
    CHECK(difference.caveats[0] ==
          "The capture BEFORE has grade F (90 % of the stacks do not reach their root: 90 % deeper "
          "than the limit): differences may come from what is missing in it.");
    CHECK(difference.verdict == "No difference between the two is called a change.");
    CHECK(difference.sentences.empty());
    CHECK(std::ranges::none_of(difference.deltas, &Delta::significant));
    CHECK(delta(difference, DeltaKind::kSelf, "old").change == doctest::Approx(0.5));
    const std::string markdown = difference_to_markdown(difference);
    CHECK(markdown.starts_with("# Difference\n\nThe capture BEFORE has grade F ("));
    CHECK(markdown.find("not tested") != std::string::npos);
    CHECK(markdown.find("noise") == std::string::npos);
    const auto json = nlohmann::json::parse(difference_to_json(difference));
    CHECK(json["caveats"] == difference.caveats);
    CHECK(json["quality"]["before"]["grade"] == "F");
    CHECK(json["quality"]["after"]["grade"] == "A");

    CHECK(compare(whole, cut).caveats.at(0).starts_with("The capture AFTER has grade F"));
    CHECK(compare(cut, cut).caveats.size() == 2);
    CHECK(compare(whole, whole).caveats.empty());
  }

  TEST_CASE("comparing with nothing says so") {
    const Difference difference = compare(Profile{}, profile_from_folded("_start;main;a 5"));
    CHECK(difference.verdict.find("no on-CPU samples") != std::string::npos);
  }
}

}  // namespace pgflame::diagnose
