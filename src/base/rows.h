// Helpers for vectors that serve as sorted tables.
#pragma once

#include <algorithm>
#include <functional>
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

}  // namespace pgflame
