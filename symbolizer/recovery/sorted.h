// Sets as sorted vectors.
#pragma once

#include <algorithm>
#include <vector>

namespace pgflame::symbolizer {

template <typename Row>
void sort_unique(std::vector<Row>& rows) {
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
}

}  // namespace pgflame::symbolizer
