// Orders by small numbers without comparing: one pass to count, one to place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "src/base/two_parts.h"

namespace pgflame {

// put(i, place) for each i below `count`: places are in order of key_of(i), which is less than
// `keys`; equal ones stay in their order. At most 2^32 of either. put() may run on two threads.
template <typename KeyOf, typename Put>
void counting_order(size_t count, size_t keys, const KeyOf& key_of, const Put& put) {
  constexpr size_t kWorthAThread = size_t{1} << 15;
  const bool two_threads = count >= kWorthAThread;
  std::array<std::vector<uint32_t>, 2> next;  // place of the next one with a key, in either half
  const auto each = [&](size_t half, const auto& use) {
    const size_t end = half == 0 ? count / 2 : count;
    for (size_t i = half == 0 ? 0 : count / 2; i < end; ++i)
      use(i, next[half][key_of(i)]);
  };
  in_two_parts(two_threads, [&](size_t half) {
    next[half].resize(keys);
    each(half, [](size_t /*i*/, uint32_t& of_key) { ++of_key; });
  });
  uint32_t begin = 0;
  for (size_t key = 0; key < keys; ++key) {
    begin += std::exchange(next[0][key], begin);
    begin += std::exchange(next[1][key], begin);
  }
  in_two_parts(two_threads, [&](size_t half) {
    each(half, [&](size_t i, uint32_t& of_key) { put(i, of_key++); });
  });
}

}  // namespace pgflame
