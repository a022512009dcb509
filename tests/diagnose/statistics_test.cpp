#include "src/diagnose/statistics.h"

#include <doctest/doctest.h>

namespace pgflame::diagnose {

TEST_SUITE("diagnose") {
  TEST_CASE("a share's interval is Wilson's") {
    // Reference values: scipy.stats.binomtest(k, n).proportion_ci(method='wilson').
    const Share half = wilson(50, 100);
    CHECK(half.low == doctest::Approx(0.403831).epsilon(1e-5));
    CHECK(half.high == doctest::Approx(0.596168).epsilon(1e-5));
    const Share none = wilson(0, 10);
    CHECK(none.low == 0);
    CHECK(none.high == doctest::Approx(0.277532).epsilon(1e-5));
    const Share empty = wilson(0, 0);
    CHECK(empty.high == 0);
  }

  TEST_CASE("two equal shares do not differ, two far ones do") {
    CHECK(two_proportion_p(10, 100, 10, 100) == doctest::Approx(1));
    CHECK(two_proportion_p(100, 1000, 200, 1000) < 1e-9);
    CHECK(two_proportion_p(10, 100, 14, 100) == doctest::Approx(0.3841).epsilon(0.01));
    CHECK(two_proportion_p(0, 0, 5, 10) == 1);
  }

  TEST_CASE("false discoveries are controlled after Benjamini and Hochberg") {
    const std::vector<bool> kept =
        discoveries({0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205}, 0.05);
    CHECK(kept == std::vector<bool>{true, true, false, false, false, false, false, false});
    CHECK(discoveries({}, 0.05).empty());
  }
}

}  // namespace pgflame::diagnose
