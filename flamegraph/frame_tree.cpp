#include "flamegraph/frame_tree.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "src/base/hash_index.h"

namespace pgflame::flamegraph {
namespace {

class Collapser {
 public:
  Collapser(const Profile& profile, const CollapseOptions& options)
      : profile_(profile), options_(options) {
    if (options.series.empty()) own_series_ = series_of(profile);
    tree_.nodes.add(Node{});
    first_child_.emplace_back();
    tree_.first_label = static_cast<uint32_t>(profile.functions.size());
  }

  FrameTree run() && {
    tree_.node_of_sample.resize(profile_.samples.size());
    if (options_.base) {
      add_by_base(select());
    } else {
      add(select(), kRoot);
    }
    add_up();
    return std::move(tree_);
  }

 private:
  using Rows = std::vector<const Series*>;

  void add_by_base(const Rows& selected) {
    std::map<std::string, Rows> by_base;
    for (const Series* row : selected)
      by_base[options_.base(row->sum)].push_back(row);
    for (const auto& [name, rows] : by_base) {
      if (!name.empty()) tree_.labels.push_back(name);
    }
    tree_.base_count = static_cast<uint32_t>(tree_.labels.size());
    uint32_t next = tree_.first_label;
    for (const auto& [name, rows] : by_base)
      add(rows, name.empty() ? kRoot : child(kRoot, FunctionId{next++}));
  }

  void add(const Rows& rows, NodeId base) {
    if (rows.empty()) return;
    place_stacks(rows, base);
    for (const Series* row : rows) {
      const auto& [sample, first, end] = *row;
      NodeId node = node_of_stack_[sample.stack.value];
      if (options_.tip) node = with_tip(node, options_.tip(sample));
      tree_.nodes[node].self += sample.weight;
      tree_.nodes[node].samples += sample.count;
      std::fill(tree_.node_of_sample.begin() + first, tree_.node_of_sample.begin() + end, node);
    }
  }

  // The samples that take part.
  Rows select() const {
    Rows rows;
    for (const Series& row : options_.series.empty() ? own_series_ : options_.series) {
      if (!options_.select || options_.select(row.sum)) rows.push_back(&row);
    }
    return rows;
  }

  // Every stack that a selected sample needs is placed once; callers have smaller ids than their
  // callees, so one pass down marks and one pass up places.
  void place_stacks(const Rows& selected, NodeId base) {
    std::vector<bool> needed(profile_.stacks.size());
    for (const Series* row : selected)
      needed[row->sum.stack.value] = true;
    for (size_t i = needed.size(); i-- > 1;) {
      if (needed[i]) needed[profile_.stacks[profile_.stacks.id_at(i)].caller.value] = true;
    }
    node_of_stack_.assign(profile_.stacks.size(), base);
    for (uint32_t i = 1; i < needed.size(); ++i) {
      if (needed[i]) node_of_stack_[i] = place(profile_.stacks[StackId{i}]);
    }
  }

  NodeId place(const StackNode& stack) {
    NodeId at = node_of_stack_[stack.caller.value];
    const Location& location = profile_.locations[stack.location];
    for (uint32_t i = location.line_count; i-- > 0;) {
      at = child(at, profile_.lines[location.first_line + i].function);
    }
    return at;
  }

  NodeId with_tip(NodeId node, const std::string& name) {
    if (name.empty()) return node;
    const auto [at, is_new] =
        tips_.try_emplace(name, static_cast<uint32_t>(tree_.first_label + tree_.labels.size()));
    if (is_new) tree_.labels.push_back(name);
    return child(node, FunctionId{at->second});
  }

  NodeId child(NodeId parent, FunctionId function) {
    if (options_.merge_recursion && tree_.nodes[parent].function == function) return parent;
    const NodeId first = first_child_[parent.value];
    if (first.valid() && tree_.nodes[first].function == function) return first;
    if (first.valid()) {
      const uint64_t hash = hash_mix(parent.value, function.value);
      const uint32_t found = index_.find(hash, [&](uint32_t row) {
        const Node& node = tree_.nodes[NodeId{row}];
        return node.parent == parent && node.function == function;
      });
      if (found != HashIndex::kAbsent) return NodeId{found};
      index_.insert(hash, static_cast<uint32_t>(tree_.nodes.size()));
    }
    const NodeId added = tree_.nodes.add(Node{function, parent});
    if (!first.valid()) first_child_[parent.value] = added;
    first_child_.emplace_back();
    return added;
  }

  // Children follow their parents, so one pass from the end completes all totals.
  void add_up() {
    for (auto i = static_cast<uint32_t>(tree_.nodes.size()); i-- > 0;) {
      Node& node = tree_.nodes[NodeId{i}];
      node.total += node.self;
      if (i == 0) break;
      tree_.nodes[node.parent].total += node.total;
      tree_.nodes[node.parent].samples += node.samples;
    }
  }

  const Profile& profile_;
  const CollapseOptions& options_;
  std::vector<Series> own_series_;  // empty where they are known
  FrameTree tree_;
  std::vector<NodeId> first_child_;  // by parent
  HashIndex index_;                  // the other children
  std::vector<NodeId> node_of_stack_;
  std::unordered_map<std::string, uint32_t> tips_;
};

}  // namespace

FrameTree collapse(const Profile& profile, const CollapseOptions& options) {
  return Collapser(profile, options).run();
}

std::string_view name_of(const Profile& profile, const FrameTree& tree, NodeId node) {
  const FunctionId function = tree.nodes[node].function;
  if (!function.valid()) return "all";
  if (function.value >= tree.first_label) return tree.labels[function.value - tree.first_label];
  return profile.functions[function].name;
}

bool is_base(const FrameTree& tree, NodeId node) {
  const FunctionId function = tree.nodes[node].function;
  return function.valid() && function.value >= tree.first_label &&
         function.value - tree.first_label < tree.base_count;
}

Children children_of(const FrameTree& tree) {
  Children children;
  const auto count = static_cast<uint32_t>(tree.nodes.size());
  children.first.assign(count + 1, 0);
  for (uint32_t i = 1; i < count; ++i)
    ++children.first[tree.nodes[NodeId{i}].parent.value + 1];
  for (uint32_t i = 1; i <= count; ++i)
    children.first[i] += children.first[i - 1];
  std::vector<uint32_t> next(children.first.begin(), children.first.end() - 1);
  children.nodes.resize(count - 1);
  for (uint32_t i = 1; i < count; ++i)
    children.nodes[next[tree.nodes[NodeId{i}].parent.value]++] = NodeId{i};
  return children;
}

}  // namespace pgflame::flamegraph
