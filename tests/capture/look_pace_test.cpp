#include "src/capture/look_pace.h"

#include <initializer_list>

#include <doctest/doctest.h>

using namespace pgflame::capture;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

// A server whose backends switch more often than they are looked at.
struct Server {
  LookPace pace;
  uint64_t now = kSecond;
  uint64_t looks = 0;

  // Looks in the last of some seconds.
  uint64_t run(uint64_t backends, int seconds) {
    uint64_t taken = 0;
    for (int i = 0; i < seconds; ++i) {
      taken = backends * 10 * pace.per_window(looks, now);
      looks += taken;
      now += kSecond;
    }
    return taken;
  }
};

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("of a few backends a thousand intervals a second are looked at") {
    for (const uint64_t backends : {1, 3, 8}) {
      Server server;
      CHECK(server.run(backends, 20) == backends * 1000);
    }
  }

  TEST_CASE("many backends share the looks, from the second second on") {
    for (const uint64_t backends : {16, 32, 100}) {
      Server server;
      CHECK(server.run(backends, 1) == backends * 1000);
      CHECK(server.run(backends, 1) == doctest::Approx(8000).epsilon(0.1));
      CHECK(server.run(backends, 20) == doctest::Approx(8000).epsilon(0.1));
    }
  }

  TEST_CASE("there are never fewer than six, and as many again when backends fall silent") {
    Server server;
    server.run(100'000, 5);
    CHECK(server.pace.per_window(server.looks, server.now) == 6);
    server.run(0, 6);
    CHECK(server.pace.per_window(server.looks, server.now) == LookPace::kMost);
  }

  TEST_CASE("it is lowered twice") {
    Server server;
    CHECK(server.run(4, 2) == 4000);
    CHECK(server.pace.lower());
    CHECK(server.run(4, 5) == 1000);
    CHECK(server.run(32, 5) == doctest::Approx(2000).epsilon(0.1));
    CHECK(server.pace.lower());
    CHECK(server.run(4, 5) == 240);
    CHECK_FALSE(server.pace.lower());
  }
}
