#include "src/capture/budget.h"

#include <doctest/doctest.h>

#include "src/capture/expected_firings.h"
#include "src/capture/host.h"

using namespace pgflame::capture;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("two seconds in a row above the limit lower the rate") {
    Budget budget(0.01, 2, 0);  // 20 ms of CPU time per second
    CHECK(budget.check(500'000'000, kSecond) == Budget::Advice::kGoOn);  // before the recording
    CHECK(budget.check(515'000'000, 2 * kSecond) == Budget::Advice::kGoOn);
    CHECK(budget.check(545'000'000, 3 * kSecond) == Budget::Advice::kGoOn);
    CHECK(budget.check(555'000'000, 4 * kSecond) == Budget::Advice::kGoOn);
    CHECK(budget.check(585'000'000, 5 * kSecond) == Budget::Advice::kGoOn);
    CHECK(budget.check(615'000'000, 6 * kSecond) == Budget::Advice::kLowerRate);
    CHECK(budget.check(645'000'000, 7 * kSecond) == Budget::Advice::kGoOn);
    CHECK(budget.check(675'000'000, 8 * kSecond) == Budget::Advice::kLowerRate);
  }

  // Seconds until a recording is ended that can be made no cheaper.
  uint64_t seconds_granted(uint64_t planned_seconds, uint64_t ms_per_second) {
    Budget budget(0.01, 2, planned_seconds * kSecond);
    budget.exhausted();
    for (uint64_t second = 1; second < 1000; ++second) {
      const uint64_t spent = 500'000'000 + second * ms_per_second * 1'000'000;
      if (budget.check(spent, second * kSecond) == Budget::Advice::kStop) return second - 1;
    }
    return 1000;
  }

  TEST_CASE("what cannot be made cheaper may spend what its whole time is worth, or a minute's") {
    CHECK(seconds_granted(60, 30) == 41);  // 1.2 s
    CHECK(seconds_granted(10, 30) == 41);
    CHECK(seconds_granted(0, 30) == 41);
    CHECK(seconds_granted(120, 30) == 81);
    CHECK(seconds_granted(120, 19) == 1000);
    CHECK(seconds_granted(120, 101) == 2);  // more than five times the limit
  }

  TEST_CASE("without a limit nothing is too expensive") {
    Budget budget(0, 2, 0);
    for (uint64_t second = 1; second < 10; ++second)
      CHECK(budget.check(second * 2 * kSecond, second * kSecond) == Budget::Advice::kGoOn);
  }

  TEST_CASE("missing firings count as skipped samples in proportion to the targets' share") {
    const auto skipped = [](double busy, uint64_t seen, uint64_t of_targets) {
      ExpectedFirings firings;
      firings.start(100, kSecond, {{1, 5.0}});
      firings.change_rate(0, 11 * kSecond, {{1, 5.0 + busy}});
      return firings.missing({0, seen}, {0, of_targets});
    };
    CHECK(skipped(10, 1000, 500) == 0);
    CHECK(skipped(10, 1005, 500) == 0);
    CHECK(skipped(10, 985, 985) == 0);  // within the timers' own noise
    CHECK(skipped(10, 500, 250) == 250);
    CHECK(skipped(10, 500, 0) == 0);
    CHECK(skipped(10, 0, 0) == 0);
    CHECK(skipped(5, 500, 250) == 0);  // idle half of the time
    CHECK(skipped(5, 400, 200) == 50);
    CHECK(skipped(11, 1000, 500) == 0);  // ticks are coarse
  }

  TEST_CASE("firings are expected at the rate of their time, on each CPU") {
    ExpectedFirings firings;
    firings.start(200, 0, {{0, 0.0}, {1, 3.0}});
    firings.change_rate(100, 10 * kSecond, {{0, 10.0}, {1, 3.0}});  // 2000 and 0
    firings.change_rate(50, 20 * kSecond, {{0, 10.0}, {1, 13.0}});  // 0 and 1000
    firings.change_rate(0, 30 * kSecond, {{0, 15.0}, {1, 23.0}});   // 250 and 500
    firings.change_rate(0, 90 * kSecond, {{0, 75.0}, {1, 83.0}});   // over
    CHECK(firings.missing({2250, 1500}, {2250, 1500}) == 0);
    CHECK(firings.missing({2000, 1500}, {1000, 1500}) == 125);
    CHECK(firings.missing({2250, 1000}, {2250, 1000}) == 500);
    CHECK(firings.missing({2200, 1480}, {2200, 1480}) == 0);  // the timers' own noise
    CHECK(firings.missing({2250}, {2250}) == 0);              // never seen
  }

  TEST_CASE("busy time is read by CPU") {
    const auto busy = parse_busy_seconds(
        "cpu  40 0 40 400 0 0 0 0 0 0\ncpu0 100 10 20 300 5 1 2 7 9 9\ncpu12 1 1 1 1\n"
        "cpux 1 2 3\nintr 1 2\n",
        100);
    CHECK(busy.size() == 2);
    CHECK(busy.at(0) == doctest::Approx(1.33));
    CHECK(busy.at(12) == doctest::Approx(0.03));
  }
}
