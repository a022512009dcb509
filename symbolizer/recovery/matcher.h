// Recognises the functions of one program in another build of the same source.
#pragma once

#include <cstdint>
#include <vector>

#include "symbolizer/recovery/graph.h"

namespace pgflame::symbolizer {

struct Match {
  uint32_t reference = kNoFunction;  // row of the reference's functions
  float bits = 0;                    // how much the shared facts say, less what speaks against it
  uint16_t facts = 0;                // how many facts agree
  bool is_part = false;              // a split part of the reference's function
  bool by_name = false;              // both are exported under one name
  bool has_twin = false;             // a neighbour in the reference looks the same: told by order
};

// One row per function of `target`. A match is kept when the facts that both functions share
// outweigh what speaks against it, and no other function explains them nearly as well.
std::vector<Match> match_programs(const Program& target,
                                  const IncomingFacts& incoming,
                                  const ReferenceGraph& reference);

}  // namespace pgflame::symbolizer
