// The merged call tree: every stack's functions from the root outwards, equal siblings merged.
// Invariant: root total == sum of the weights that went in == self of all nodes together.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "src/base/ids.h"
#include "src/profile/profile.h"

namespace pgflame::flamegraph {

using NodeId = Id<struct NodeTag>;

struct Node {
  FunctionId function;  // invalid for the root
  NodeId parent;
  uint64_t total = 0;  // weight
  uint64_t self = 0;
  uint64_t samples = 0;  // count, with callees
};

// Row 0 is the root; parents precede children.
struct FrameTree {
  Table<NodeId, Node> nodes;
};

struct CollapseOptions {
  // Which samples take part; all when empty.
  std::function<bool(const Sample&)> select;
  bool merge_recursion = false;  // direct recursion f;f;f becomes one f
};

FrameTree collapse(const Profile& profile, const CollapseOptions& options);

}  // namespace pgflame::flamegraph
