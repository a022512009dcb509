#include "flamegraph/frame_tree.h"

#include <algorithm>
#include <unordered_map>

namespace pgflame::flamegraph {
namespace {

class Collapser {
 public:
  Collapser() { tree_.nodes.add(Node{}); }

  void add(const std::vector<FunctionId>& path, const Sample& sample) {
    NodeId at{0};
    count(at, sample);
    for (const FunctionId function : path) {
      at = child(at, function);
      count(at, sample);
    }
    tree_.nodes[at].self += sample.weight;
  }

  FrameTree take() && { return std::move(tree_); }

 private:
  void count(NodeId node, const Sample& sample) {
    tree_.nodes[node].total += sample.weight;
    tree_.nodes[node].samples += sample.count;
  }

  NodeId child(NodeId parent, FunctionId function) {
    const uint64_t key = static_cast<uint64_t>(parent.value) << 32 | function.value;
    const auto [at, is_new] = children_.try_emplace(key);
    if (is_new) at->second = tree_.nodes.add(Node{function, parent});
    return at->second;
  }

  FrameTree tree_;
  std::unordered_map<uint64_t, NodeId> children_;
};

}  // namespace

FrameTree collapse(const Profile& profile, const CollapseOptions& options) {
  Collapser collapser;
  for (const Sample& sample : profile.samples) {
    if (options.select && !options.select(sample)) continue;
    std::vector<FunctionId> path = functions_of(profile, sample.stack);
    if (options.merge_recursion) path.erase(std::unique(path.begin(), path.end()), path.end());
    collapser.add(path, sample);
  }
  return std::move(collapser).take();
}

}  // namespace pgflame::flamegraph
