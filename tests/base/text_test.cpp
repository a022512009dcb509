#include "src/base/text.h"

#include <doctest/doctest.h>

using namespace pgflame;

TEST_SUITE("base") {
  TEST_CASE("durations are read as people write them") {
    using std::chrono::milliseconds;
    CHECK(parse_duration("500ms").value() == milliseconds(500));
    CHECK(parse_duration("60s").value() == milliseconds(60'000));
    CHECK(parse_duration("5m").value() == milliseconds(300'000));
    CHECK(parse_duration("1m30s").value() == milliseconds(90'000));
    CHECK(parse_duration("1.5s").value() == milliseconds(1500));
    CHECK(parse_duration("90").value() == milliseconds(90'000));
    for (const char* bad : {"", "s", "-1s", "0s", "1x", "1s2", "25h", "1e9s", "10 s"}) {
      CAPTURE(bad);
      CHECK_FALSE(parse_duration(bad));
    }
  }

  TEST_CASE("counts and shares are printed for people") {
    CHECK(format_count(7) == "7");
    CHECK(format_count(59640) == "59 640");
    CHECK(format_count(1234567) == "1 234 567");
    CHECK(format_percent(0.0837) == "8.4 %");
    CHECK(format_percent(0.0001) == "<0.1 %");
    CHECK(format_percent(0) == "0 %");
    CHECK(format_percent(1) == "100 %");
  }

  TEST_CASE("whole numbers fill the whole text") {
    CHECK(parse_u64("42").value() == 42);
    CHECK(parse_u64("ff", 16).value() == 255);
    CHECK_FALSE(parse_u64(""));
    CHECK_FALSE(parse_u64("4x"));
    CHECK_FALSE(parse_u64("99999999999999999999"));
  }

  TEST_CASE("times are printed in UTC") {
    CHECK(format_utc(1'000'000'000'000'000'000) == "2001-09-09 01:46:40 UTC");
    CHECK(format_utc_compact(1'000'000'000'000'000'000) == "20010909T014640Z");
  }
}
