#include "src/report/view_data.h"

#include <algorithm>
#include <span>
#include <unordered_map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "flamegraph/text_metrics.h"
#include "src/diagnose/measure.h"
#include "src/report/describe.h"

namespace pgflame::report {
namespace {

using flamegraph::FrameTree;
using flamegraph::NodeId;
using nlohmann::json;

constexpr size_t kMostQueries = 100;  // that can be chosen

class Frames {
 public:
  Frames() { rows_["names"] = rows_["classes"] = rows_["details"] = json::array(); }

  // One row per function of the tree, the root's first.
  std::vector<uint32_t> add(const View& view) {
    std::unordered_map<uint32_t, uint32_t> known;
    std::vector<uint32_t> frames;
    frames.reserve(view.tree.nodes.size());
    for (uint32_t i = 0; i < view.tree.nodes.size(); ++i) {
      const uint32_t function = view.tree.nodes[NodeId{i}].function.value;
      const auto [at, is_new] = known.try_emplace(function, count_);
      if (is_new) add_row(view, NodeId{i});
      frames.push_back(at->second);
    }
    return frames;
  }

  json take() && {
    rows_["texts"] = std::move(texts_);
    return std::move(rows_);
  }

 private:
  void add_row(const View& view, NodeId node) {
    rows_["names"].push_back(std::string(name_of(view.profile, view.tree, node)));
    rows_["classes"].push_back(view.paint.class_of(node));
    const auto [at, is_new] = known_texts_.try_emplace(view.paint.detail(node), texts_.size());
    if (is_new) texts_.push_back(at->first);
    rows_["details"].push_back(at->second);
    ++count_;
  }

  json rows_;
  json texts_ = json::array();
  std::unordered_map<std::string, size_t> known_texts_;
  uint32_t count_ = 0;
};

struct Stacks {
  std::vector<int64_t> frame;
  std::vector<int64_t> up;

  // Adds a tree's nodes; its root becomes the one empty stack. Returns what to add to a node's id.
  uint32_t add(const FrameTree& tree, const std::vector<uint32_t>& frames) {
    const uint32_t shift = frame.empty() ? 0 : static_cast<uint32_t>(frame.size()) - 1;
    for (uint32_t i = frame.empty() ? 0 : 1; i < frames.size(); ++i) {
      const NodeId parent = tree.nodes[NodeId{i}].parent;
      const bool below = i != 0 && parent != flamegraph::kRoot;
      up.push_back(int64_t{i} + shift - (below ? int64_t{parent.value} + shift : 0));
      frame.push_back(frames[i]);
    }
    return shift;
  }
};

// The rows of the queries that weigh most, by id.
class Queries {
 public:
  explicit Queries(const Profile& profile) {
    std::unordered_map<uint64_t, uint64_t> weights;
    for (const Sample& sample : profile.samples) {
      if (sample.query_id != 0 && sample.state != State::kIdle) {
        weights[sample.query_id] += sample.weight;
      }
    }
    std::vector<std::pair<uint64_t, uint64_t>> order;
    order.reserve(weights.size());
    for (const auto& [id, weight] : weights)
      order.emplace_back(weight, id);
    std::ranges::sort(order, std::greater());
    if (order.size() > kMostQueries) order.resize(kMostQueries);
    for (const auto& [weight, id] : order) {
      rows_[id] = static_cast<uint32_t>(rows_.size() + 1);
      list_.push_back({query_id_text(id), label(profile, id)});
    }
  }

  uint32_t row_of(uint64_t id) const {
    const auto found = rows_.find(id);
    return found == rows_.end() ? 0 : found->second;
  }
  const json& list() const { return list_; }

 private:
  static std::string label(const Profile& profile, uint64_t id) {
    const auto query = std::ranges::find(profile.queries, id, &Query::id);
    std::string text = query_id_text(id);
    if (query != profile.queries.end()) text += "  " + query->text;
    return flamegraph::fit(text, 420, {12.5, flamegraph::Face::kSans});
  }

  std::unordered_map<uint64_t, uint32_t> rows_;
  json list_ = json::array();
};

struct Columns {
  std::vector<int64_t> step;
  std::vector<int64_t> plan;
  std::vector<int64_t> waiting;
  std::vector<int64_t> second;
  std::vector<int64_t> query;
  std::vector<int64_t> count;
  std::vector<int64_t> weight;
};

Columns columns_of(const View& stacks,
                   const View& plan,
                   uint32_t shift,
                   const Queries& queries,
                   std::span<const Series> series) {
  Columns columns;
  int64_t last = 0;
  size_t running = 0;
  for (const auto& [sum, first, end] : series) {
    const NodeId node = stacks.tree.node_of_sample[first];
    if (!node.valid()) continue;
    const bool is_running = sum.state == State::kRunning;
    const NodeId above = is_running ? plan.tree.node_of_sample[running++] : flamegraph::kRoot;
    const int64_t above_row = above == flamegraph::kRoot ? 0 : int64_t{above.value} + shift;
    const int64_t query = queries.row_of(sum.query_id);
    for (const Sample& sample : std::span(stacks.profile.samples).subspan(first, end - first)) {
      columns.step.push_back(int64_t{node.value} - last);
      last = node.value;
      columns.plan.push_back(above_row);
      columns.waiting.push_back(is_running ? 0 : 1);
      columns.second.push_back(sample.second);
      columns.query.push_back(query);
      columns.count.push_back(static_cast<int64_t>(sample.count));
      columns.weight.push_back(static_cast<int64_t>(sample.weight));
    }
  }
  return columns;
}

// "name":[1,2,3]
void append(std::string& out, std::string_view name, const std::vector<int64_t>& numbers) {
  out.append("\"").append(name).append("\":[");
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) out += ',';
    const fmt::format_int digits(numbers[i]);
    out.append(digits.data(), digits.size());
  }
  out += ']';
}

}  // namespace

std::string view_data(const View& stacks, const View& plan, std::span<const Series> series) {
  Frames frames;
  Stacks table;
  table.add(stacks.tree, frames.add(stacks));
  const uint32_t shift = table.add(plan.tree, frames.add(plan));
  const Queries queries(stacks.profile);
  const Columns columns = columns_of(stacks, plan, shift, queries, series);
  json root = std::move(frames).take();
  root["counted"] = diagnose::measure_of(stacks.profile.recording.event).part;
  root["queries"] = queries.list();
  // Names are bytes from outside: invalid UTF-8 is replaced, never an error.
  std::string text = root.dump(-1, ' ', false, json::error_handler_t::replace);
  text.back() = ',';
  append(text, "frame", table.frame);
  append(text += ',', "up", table.up);
  text += ",\"samples\":{";
  append(text, "step", columns.step);
  append(text += ',', "plan", columns.plan);
  append(text += ',', "waiting", columns.waiting);
  append(text += ',', "second", columns.second);
  append(text += ',', "query", columns.query);
  append(text += ',', "count", columns.count);
  append(text += ',', "weight", columns.weight);
  return text + "}}";
}

}  // namespace pgflame::report
