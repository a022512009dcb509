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
