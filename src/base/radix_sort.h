// Sorts by numbers without comparing: a few passes over memory in order, whatever the count.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "src/base/large_memory.h"

namespace pgflame {

// By key_of(item), a uint64_t; items with equal keys stay in their order. Fewer than 2^32 items.
template <typename Item, typename KeyOf>
void radix_sort(std::vector<Item>& items, KeyOf key_of) {
  constexpr int kDigitBits = 11;  // so that a digit's ends of runs stay in the caches
  constexpr uint64_t kDigits = uint64_t{1} << kDigitBits;
  if (items.empty()) return;
  const uint64_t first = key_of(items.front());
  uint64_t differs = 0;
  for (const Item& item : items)
    differs |= key_of(item) ^ first;
  std::vector<Item> sorted;
  reserve_large(sorted, items.size());
  sorted.resize(items.size());
  while (differs != 0) {
    const int shift = std::countr_zero(differs);
    const auto digit_of = [&](const Item& item) { return key_of(item) >> shift & (kDigits - 1); };
    std::array<uint32_t, kDigits> next{};
    for (const Item& item : items)
      ++next[digit_of(item)];
    uint32_t begin = 0;
    for (uint32_t& count : next)
      begin += std::exchange(count, begin);
    for (const Item& item : items)
      sorted[next[digit_of(item)]++] = item;
    items.swap(sorted);
    differs &= ~((kDigits - 1) << shift);
  }
}

}  // namespace pgflame
