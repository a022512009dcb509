#include "src/input/hand_over.h"

#include <new>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

namespace pgflame::input {
namespace {

constexpr size_t kCapacity = 4;
constexpr int kMany = 1000;

TEST_CASE("items arrive in the order they were made") {
  std::vector<int> used;
  make_and_use<int>(
      kCapacity,
      [](const auto& put) {
        for (int i = 0; i < kMany; ++i)
          CHECK(put(i));
      },
      [&](int item) { used.push_back(item); });
  std::vector<int> made(kMany);
  std::iota(made.begin(), made.end(), 0);
  CHECK(used == made);
}

TEST_CASE("a maker that makes nothing ends the hand-over") {
  int used = 0;
  make_and_use<int>(
      kCapacity, [](const auto&) {}, [&](int) { ++used; });
  CHECK(used == 0);
}

TEST_CASE("what the user throws stops a maker that waits for room, and comes out") {
  int made = 0;
  const auto make_all = [&](const auto& put) {
    while (put(made))
      ++made;
  };
  const auto run = [&] {
    make_and_use<int>(kCapacity, make_all, [](int item) {
      if (item == 10) throw std::bad_alloc();
    });
  };
  CHECK_THROWS_AS(run(), std::bad_alloc);
  CHECK(made >= 10);
  CHECK(made <= 11 + static_cast<int>(kCapacity));
}

TEST_CASE("what the maker throws comes out after its items were used") {
  int used = 0;
  const auto run = [&] {
    make_and_use<int>(
        kCapacity,
        [](const auto& put) {
          for (int i = 0; i < 10; ++i)
            CHECK(put(i));
          throw std::runtime_error("bad input");
        },
        [&](int) { ++used; });
  };
  CHECK_THROWS_WITH_AS(run(), "bad input", std::runtime_error);
  CHECK(used == 10);
}

TEST_CASE("a maker that throws at once leaves nobody waiting") {
  const auto run = [] {
    make_and_use<int>(
        kCapacity, [](const auto&) { throw std::bad_alloc(); }, [](int) {});
  };
  CHECK_THROWS_AS(run(), std::bad_alloc);
}

TEST_CASE("when both throw, the user's exception comes out") {
  const auto run = [] {
    make_and_use<int>(
        kCapacity,
        [](const auto& put) {
          while (put(1)) {
          }
          throw std::runtime_error("maker");
        },
        [](int) { throw std::runtime_error("user"); });
  };
  CHECK_THROWS_WITH_AS(run(), "user", std::runtime_error);
}

TEST_CASE("an abandoned hand-over takes nothing more, full or not") {
  HandOver<int> queue(1);
  CHECK(queue.push(1));
  queue.abandon();
  CHECK_FALSE(queue.push(2));
  queue.close();
  CHECK(queue.pop() == 1);
  CHECK_FALSE(queue.pop().has_value());
}

}  // namespace
}  // namespace pgflame::input
