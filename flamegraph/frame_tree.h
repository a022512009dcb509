// The merged call tree: every stack's functions from the root outwards, equal siblings merged.
// Invariant: root total == sum of the weights that went in == self of all nodes together.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/ids.h"
#include "src/profile/profile.h"
#include "src/profile/series.h"

namespace pgflame::flamegraph {

using NodeId = Id<struct NodeTag>;
inline constexpr NodeId kRoot{0};

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
  // Frames that are no functions: function ids from `first_label` on. The first `base_count` of
  // them are what stacks stand on (clusters), the others stand on top of stacks (wait events).
  uint32_t first_label = 0;
  uint32_t base_count = 0;
  std::vector<std::string> labels;
  // By sample of the profile: its innermost frame, invalid when it takes no part.
  std::vector<NodeId> node_of_sample;
};

struct CollapseOptions {
  // None is asked again for a sample that differs from the one before in its moment alone.
  // Which samples take part; all when empty.
  std::function<bool(const Sample&)> select;
  // A frame for the sample's stack to stand on, by name; none when empty. Each different one costs
  // time for every stack of the profile.
  std::function<std::string(const Sample&)> base;
  // A frame to put on top of the sample's stack, by name; none when empty.
  std::function<std::string(const Sample&)> tip;
  bool merge_recursion = false;    // direct recursion f;f;f becomes one f
  std::span<const Series> series;  // those of the profile, where they are known already
};

FrameTree collapse(const Profile& profile, const CollapseOptions& options = {});

// The name of a node's function or label; "all" for the root.
std::string_view name_of(const Profile& profile, const FrameTree& tree, NodeId node);

// Whether stacks stand on this frame.
bool is_base(const FrameTree& tree, NodeId node);

// Children of every node in one array, unordered: those of `node` are
// `nodes[first[node.value]] ... nodes[first[node.value + 1] - 1]`.
struct Children {
  std::vector<uint32_t> first;
  std::vector<NodeId> nodes;
};
Children children_of(const FrameTree& tree);

}  // namespace pgflame::flamegraph
