// Helpers for vectors that serve as sorted tables.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace pgflame {

// Keeps the first of neighbouring rows with equal `projection`. (std::ranges::unique returns a view
// that clang 14 cannot compile with libstdc++ 12.)
template <typename Row, typename Projection = std::identity>
void drop_repeated(std::vector<Row>& rows, Projection projection = {}) {
  const auto same = [&projection](const Row& a, const Row& b) {
    return std::invoke(projection, a) == std::invoke(projection, b);
  };
  rows.erase(std::unique(rows.begin(), rows.end(), same), rows.end());
}

// Puts the row with the number from[i] at place i, without room for a second table. Each number is
// there once.
template <typename Row>
void rearrange(std::vector<Row>& rows, std::vector<uint32_t> from) {
  constexpr int kAhead = 12;  // rows are fetched in the order in which they will move
  for (uint32_t first = 0; first < rows.size(); ++first) {
    if (from[first] == first) continue;
    uint32_t next = first;
    for (int i = 0; i < kAhead; ++i)
      next = from[next];
    Row moved = std::move(rows[first]);
    uint32_t to = first;
    while (from[to] != first) {
      next = from[next];
      __builtin_prefetch(&rows[next]);
      const uint32_t source = std::exchange(from[to], to);
      rows[to] = std::move(rows[source]);
      to = source;
    }
    rows[to] = std::move(moved);
    from[to] = to;
  }
}

}  // namespace pgflame
