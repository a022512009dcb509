// Pairs the nodes of two trees: same names from the root outwards.
#pragma once

#include <vector>

#include "flamegraph/frame_tree.h"

namespace pgflame::flamegraph {

// One side of a comparison.
struct Side {
  const Profile& profile;
  const FrameTree& tree;
};

// For every node of `one`, the node of `other` with the same path of names; invalid when there is
// none. The roots are counterparts.
std::vector<NodeId> counterparts(const Side& one, const Side& other);

}  // namespace pgflame::flamegraph
