#include "src/base/radix_sort.h"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using namespace pgflame;

namespace {

struct Item {
  uint64_t key = 0;
  size_t number = 0;  // before sorting

  bool operator==(const Item&) const = default;
};

// Sorted both ways.
void check(const std::vector<uint64_t>& keys) {
  std::vector<Item> items;
  for (const uint64_t key : keys)
    items.push_back({key, items.size()});
  std::vector<Item> expected = items;
  std::ranges::stable_sort(expected, {}, &Item::key);
  radix_sort(items, [](const Item& item) { return item.key; });
  CHECK(items == expected);
}

}  // namespace

TEST_SUITE("base") {
  TEST_CASE("sorting by digits gives the order of a stable sort") {
    check({});
    check({7});
    check({7, 7, 7});
    check({UINT64_MAX, 0, uint64_t{1} << 63, 1, UINT64_MAX, 0});
    std::mt19937_64 random(1);
    constexpr std::array<uint64_t, 4> kMasks{0xf, 0x1ffff, 0xff00000000ff, UINT64_MAX};
    for (const uint64_t mask : kMasks) {
      std::vector<uint64_t> keys(5000);
      std::ranges::generate(keys, [&] { return random() & mask; });
      check(keys);
    }
  }
}
