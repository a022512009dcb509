#include "src/base/rearrange.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace pgflame;

namespace {

std::vector<std::string> numbered(uint32_t count) {
  std::vector<std::string> rows;
  for (uint32_t i = 0; i < count; ++i)
    rows.push_back("the row that had the number " + std::to_string(i));
  return rows;
}

}  // namespace

TEST_SUITE("base") {
  TEST_CASE("rows are rearranged where they are, whatever the cycles") {
    std::mt19937 random(1);
    for (const uint32_t count : {0U, 1U, 2U, 3U, 4096U, 4097U, 20000U}) {
      std::vector<uint32_t> from(count);
      std::iota(from.begin(), from.end(), 0U);
      for (int round = 0; round < 5; ++round) {
        const std::vector<std::string> before = numbered(count);
        std::vector<std::string> rows = before;
        rearrange(rows, from);
        for (uint32_t i = 0; i < count; ++i)
          CHECK(rows[i] == before[from[i]]);
        std::shuffle(from.begin(), from.end(), random);
      }
    }
  }

  // With more arcs than are followed together, all of which may end at once.
  TEST_CASE("tables of many arcs are rearranged, whatever the order was") {
    constexpr uint32_t kCount = 300'001;
    std::vector<uint32_t> in_order(kCount);
    std::iota(in_order.begin(), in_order.end(), 0U);
    std::mt19937 random(2);
    std::vector<std::vector<uint32_t>> orders(6, in_order);
    std::shuffle(orders[1].begin(), orders[1].end(), random);
    std::shuffle(orders[2].begin() + kCount / 2, orders[2].end(), random);
    std::shuffle(orders[3].begin(), orders[3].begin() + kCount / 2, random);
    std::rotate(orders[4].begin(), orders[4].begin() + 7, orders[4].end());
    std::reverse(orders[5].begin(), orders[5].end());
    for (const std::vector<uint32_t>& order : orders) {
      std::vector<uint32_t> rows = in_order;
      rearrange(rows, order);
      CHECK(rows == order);
    }
  }

  TEST_CASE("a single cycle through all rows") {
    constexpr uint32_t kCount = 9000;
    std::vector<uint32_t> from(kCount);
    for (uint32_t i = 0; i < kCount; ++i)
      from[i] = (i + 7) % kCount;
    std::vector<std::string> rows = numbered(kCount);
    const std::vector<std::string> before = rows;
    rearrange(rows, from);
    for (uint32_t i = 0; i < kCount; ++i)
      CHECK(rows[i] == before[from[i]]);
  }
}
