#include "src/capture/budget.h"

#include <doctest/doctest.h>

#include "src/capture/perf_event.h"

using namespace pgflame::capture;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("two seconds in a row above the limit lower the rate, later ones end the recording") {
    Budget budget(0.01, 2);  // 20 ms of CPU time per second
    CHECK(budget.check(500'000'000, kSecond) == Budget::Advice::kGoOn);  // before the recording
    CHECK(budget.check(515'000'000, 2 * kSecond) == Budget::Advice::kGoOn);
    CHECK(budget.check(545'000'000, 3 * kSecond) == Budget::Advice::kGoOn);
    CHECK(budget.check(555'000'000, 4 * kSecond) == Budget::Advice::kGoOn);
    CHECK(budget.check(585'000'000, 5 * kSecond) == Budget::Advice::kGoOn);
    CHECK(budget.check(615'000'000, 6 * kSecond) == Budget::Advice::kLowerRate);
    budget.exhausted();
    CHECK(budget.check(645'000'000, 7 * kSecond) == Budget::Advice::kGoOn);
    CHECK(budget.check(675'000'000, 8 * kSecond) == Budget::Advice::kStop);
  }

  TEST_CASE("without a limit nothing is too expensive") {
    Budget budget(0, 2);
    for (uint64_t second = 1; second < 10; ++second)
      CHECK(budget.check(second * 2 * kSecond, second * kSecond) == Budget::Advice::kGoOn);
  }

  TEST_CASE("missing firings count as skipped samples in proportion to the targets' share") {
    CHECK(skipped_samples(1000, 1000, 500) == 0);
    CHECK(skipped_samples(1000, 1005, 500) == 0);
    CHECK(skipped_samples(1000, 985, 985) == 0);  // within the timers' own noise
    CHECK(skipped_samples(1000, 500, 250) == 250);
    CHECK(skipped_samples(1000, 500, 0) == 0);
    CHECK(skipped_samples(1000, 0, 0) == 0);
  }
}
