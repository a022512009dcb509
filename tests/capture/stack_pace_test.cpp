#include "src/capture/stack_pace.h"

#include <initializer_list>

#include <doctest/doctest.h>

using namespace pgflame::capture;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

// Backends that each send six stacks per window for some seconds; the stacks of the last one.
uint64_t run(StackPace& pace, uint64_t& now, uint64_t backends, int seconds) {
  uint64_t sent = 0;
  for (int i = 0; i < seconds; ++i) {
    sent = backends * 6 * kSecond / pace.window_ns(now);
    for (uint64_t stack = 0; stack < sent; ++stack)
      pace.count_stack();
    now += kSecond;
  }
  return sent;
}

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("a few backends send as many stacks as each may") {
    for (const uint64_t backends : {1, 8, 16}) {
      StackPace pace;
      uint64_t now = kSecond;
      CHECK(run(pace, now, backends, 20) == backends * 60);
      CHECK(pace.window_ns(now) == StackPace::kShortestNs);
    }
  }

  TEST_CASE("many send no more than 1 000 together, from the second second on") {
    for (const uint64_t backends : {32, 64, 300}) {
      StackPace pace;
      uint64_t now = kSecond;
      CHECK(run(pace, now, backends, 1) == backends * 60);
      CHECK(run(pace, now, backends, 1) == doctest::Approx(1000).epsilon(0.01));
      CHECK(run(pace, now, backends, 20) == doctest::Approx(1000).epsilon(0.01));
      pace.lower();
      CHECK(run(pace, now, backends, 2) == doctest::Approx(500).epsilon(0.01));
    }
  }

  TEST_CASE("the window is never longer than ten seconds and shrinks when backends fall silent") {
    StackPace pace;
    uint64_t now = kSecond;
    run(pace, now, 100'000, 5);
    CHECK(pace.window_ns(now) == 10 * kSecond);
    run(pace, now, 0, 3);
    CHECK(pace.window_ns(now) == 10 * kSecond / 8);
    run(pace, now, 0, 10);
    CHECK(pace.window_ns(now) == StackPace::kShortestNs);
  }

  TEST_CASE("between two looks nothing changes") {
    StackPace pace;
    pace.window_ns(kSecond);
    for (int i = 0; i < 100'000; ++i)
      pace.count_stack();
    CHECK(pace.window_ns(2 * kSecond - 1) == StackPace::kShortestNs);
    CHECK(pace.window_ns(2 * kSecond) > StackPace::kShortestNs);
  }
}
