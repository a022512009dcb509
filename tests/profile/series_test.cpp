#include "src/profile/series.h"

#include <doctest/doctest.h>

#include "src/profile/gzip.h"
#include "tests/support/profile_text.h"

using namespace pgflame;
using pgflame::testing::profile_from_folded;

TEST_SUITE("profile") {
  TEST_CASE("neighbours that differ in their second alone are one series") {
    Profile profile = profile_from_folded("a;b 3\na;c 5\n");
    const Sample b = profile.samples[0];
    const Sample c = profile.samples[1];
    profile.samples = {b, b, c, b, c};
    for (uint32_t row = 0; row < profile.samples.size(); ++row)
      profile.samples[row].second = row;
    profile.samples[4].state = State::kWaiting;
    profile.samples.push_back(profile.samples[4]);
    const std::vector<Series> series = series_of(profile);
    REQUIRE(series.size() == 4);
    CHECK(series[0].sum.stack == b.stack);
    CHECK(series[0].sum.count == 2 * b.count);
    CHECK(series[0].sum.weight == 2 * b.weight);
    CHECK(series[0].first == 0);
    CHECK(series[0].end == 2);
    CHECK(series[1].sum.count == c.count);
    CHECK(series[2].sum.stack == b.stack);
    CHECK(series[3].sum.state == State::kWaiting);
    CHECK(series[3].first == 4);
    CHECK(series[3].end == 6);
    const Accounting total = account(profile);
    CHECK(total.captured == 3 * b.count + 3 * c.count);
    CHECK(total.running == 3 * b.count + c.count);
    CHECK(total.weight == 3 * b.weight + c.weight);
  }

  TEST_CASE("a profile without samples has no series") {
    CHECK(series_of(Profile{}).empty());
  }

  TEST_CASE("gzip gives up at the size that is asked for") {
    std::string text;
    for (int i = 0; i < 1000; ++i)
      text += std::to_string(i * i);
    const std::string packed = gzip(text);
    CHECK(gzip(text, 6, packed.size() + 64) == packed);
    CHECK(gzip(text, 6, packed.size() / 2).empty());
    CHECK(gzip(text, 6, 0).empty());
  }
}
