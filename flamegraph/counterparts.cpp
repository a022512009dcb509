#include "flamegraph/counterparts.h"

#include "src/base/hash_index.h"

namespace pgflame::flamegraph {

std::vector<NodeId> counterparts(const Side& one, const Side& other) {
  const auto name = [&](uint32_t row) { return name_of(other.profile, other.tree, NodeId{row}); };
  const auto hash = [](NodeId parent, std::string_view text) {
    return hash_bytes(text, parent.value);
  };
  HashIndex index;
  for (uint32_t row = 1; row < other.tree.nodes.size(); ++row)
    index.insert(hash(other.tree.nodes[NodeId{row}].parent, name(row)), row);

  std::vector<NodeId> pairs(one.tree.nodes.size());
  pairs[0] = kRoot;
  for (uint32_t i = 1; i < pairs.size(); ++i) {
    const NodeId caller = pairs[one.tree.nodes[NodeId{i}].parent.value];
    if (!caller.valid()) continue;
    const std::string_view wanted = name_of(one.profile, one.tree, NodeId{i});
    const uint32_t row = index.find(hash(caller, wanted), [&](uint32_t at) {
      return other.tree.nodes[NodeId{at}].parent == caller && name(at) == wanted;
    });
    if (row != HashIndex::kAbsent) pairs[i] = NodeId{row};
  }
  return pairs;
}

}  // namespace pgflame::flamegraph
