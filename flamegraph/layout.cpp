#include "flamegraph/layout.h"

#include <algorithm>

namespace pgflame::flamegraph {
namespace {

class Layouter {
 public:
  Layouter(const Profile& profile, const FrameTree& tree, const LayoutOptions& options)
      : profile_(profile),
        tree_(tree),
        options_(options),
        children_(children_of(tree)),
        scale_(options.width / static_cast<double>(tree.nodes[kRoot].total)) {}

  std::vector<Box> run() && {
    const Node& root = tree_.nodes[kRoot];
    boxes_.push_back(Box{kRoot, 0, options_.width, 0, 0, root.total, root.samples});
    // The boxes double as the work list: each places its children behind it.
    size_t next = 0;
    while (next < boxes_.size()) {
      const Box box = boxes_[next++];
      if (box.merged == 0) place_children(box);
    }
    return std::move(boxes_);
  }

 private:
  void place_children(const Box& parent) {
    std::vector<NodeId> wide;
    Box rest{parent.node, 0, 0, parent.depth + 1, 0, 0, 0};
    for (uint32_t i = children_.first[parent.node.value];
         i < children_.first[parent.node.value + 1];
         ++i) {
      const NodeId child = children_.nodes[i];
      const Node& node = tree_.nodes[child];
      if (width_of(node.total) >= options_.min_width && rest.depth < options_.max_depth) {
        wide.push_back(child);
      } else {
        ++rest.merged;
        rest.total += node.total;
        rest.samples += node.samples;
      }
    }
    std::ranges::sort(wide, [this](NodeId a, NodeId b) { return name(a) < name(b); });
    double x = parent.x;
    for (const NodeId child : wide) {
      const Node& node = tree_.nodes[child];
      const double width = width_of(node.total);
      boxes_.push_back(Box{child, x, width, rest.depth, 0, node.total, node.samples});
      x += width;
    }
    rest.x = x;
    rest.width = width_of(rest.total);
    if (rest.width >= options_.min_width) boxes_.push_back(rest);
  }

  double width_of(uint64_t weight) const { return static_cast<double>(weight) * scale_; }
  std::string_view name(NodeId node) const { return name_of(profile_, tree_, node); }

  const Profile& profile_;
  const FrameTree& tree_;
  const LayoutOptions& options_;
  Children children_;
  double scale_;
  std::vector<Box> boxes_;
};

}  // namespace

std::vector<Box> layout(const Profile& profile,
                        const FrameTree& tree,
                        const LayoutOptions& options) {
  if (tree.nodes[kRoot].total == 0) return {};
  return Layouter(profile, tree, options).run();
}

uint32_t depth_of(const std::vector<Box>& boxes) {
  uint32_t depth = 0;
  for (const Box& box : boxes)
    depth = std::max(depth, box.depth + 1);
  return depth;
}

}  // namespace pgflame::flamegraph
