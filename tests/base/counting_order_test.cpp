#include "src/base/counting_order.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using namespace pgflame;

namespace {

std::vector<uint32_t> order_of(const std::vector<uint32_t>& keys, size_t limit) {
  std::vector<uint32_t> order(keys.size(), UINT32_MAX);
  counting_order(
      keys.size(),
      limit,
      [&](size_t i) { return keys[i]; },
      [&](size_t i, uint32_t place) { order[place] = static_cast<uint32_t>(i); });
  return order;
}

}  // namespace

TEST_CASE("what has the same number keeps its order, on one thread and on two") {
  std::mt19937 random(7);
  for (const size_t count : {0U, 1U, 2U, 3U, 1000U, 100'001U}) {
    for (const uint32_t limit : {1U, 2U, 50U, 300'000U}) {
      std::vector<uint32_t> keys(count);
      std::ranges::generate(keys, [&] { return static_cast<uint32_t>(random() % limit); });
      std::vector<uint32_t> expected(count);
      std::iota(expected.begin(), expected.end(), 0U);
      std::ranges::stable_sort(expected, {}, [&](uint32_t i) { return keys[i]; });
      CHECK(order_of(keys, limit) == expected);
    }
  }
}
