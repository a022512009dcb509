#include "src/diagnose/evidence.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/plan_view.h"
#include "src/postgres/function_names.h"

namespace pgflame::diagnose {
namespace {

// Frames that only pass a call on (fmgr.c, execProcnode.c, execScan.c): naming them as a caller
// says nothing.
constexpr std::array<std::string_view, 12> kGlue{"FunctionCall",
                                                 "DirectFunctionCall",
                                                 "OidFunctionCall",
                                                 "ExecProcNode",
                                                 "ExecScan",
                                                 "ExecInterpExprStillValid",
                                                 "InvokeFunction",
                                                 "FunctionNext",
                                                 "fmgr_",
                                                 "[unnamed]",
                                                 "[unknown]",
                                                 "unknown"};

bool is_glue(std::string_view name) {
  return std::ranges::any_of(kGlue, [&](std::string_view glue) { return name.starts_with(glue); });
}

using Sums = std::unordered_map<std::string, uint64_t>;
using FunctionSums = std::unordered_map<FunctionId, uint64_t>;

Ranking ranked(const Sums& sums) {
  Ranking ranking;
  for (const auto& [name, weight] : sums)
    ranking.push_back(Counted{name, weight});
  std::ranges::sort(ranking, [](const Counted& a, const Counted& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.name < b.name;
  });
  return ranking;
}

std::string_view name_of(const Profile& profile, FunctionId function) {
  return postgres::base_name(profile.functions[function].name);
}

Ranking ranked(const Profile& profile, const FunctionSums& sums) {
  Sums by_name;
  for (const auto& [function, weight] : sums)
    by_name[std::string(name_of(profile, function))] += weight;
  return ranked(by_name);
}

// Of the parts' shares, 0 (one has all) to 1 (all alike).
double entropy_of(const Ranking& parts) {
  double whole = 0;
  for (const Counted& one : parts)
    whole += static_cast<double>(one.weight);
  double entropy = 0;
  for (const Counted& one : parts) {
    const double share = whole <= 0 ? 0 : static_cast<double>(one.weight) / whole;
    if (share > 0) entropy -= share * std::log(share);
  }
  return parts.size() > 1 ? entropy / std::log(static_cast<double>(parts.size())) : 0;
}

class Gatherer {
 public:
  Gatherer(const Analysis& analysis, RuleIndex rule) : analysis_(analysis), rule_(rule) {}

  Evidence gather() {
    Evidence evidence;
    const auto& uses = analysis_.uses();
    counted_.assign(uses.size(), false);
    for (size_t i = 0; i < uses.size(); ++i) {
      const auto frame = Analysis::claim_of(uses[i], rule_);
      if (!frame) continue;
      counted_[i] = true;
      evidence.weight += uses[i].weight;
      add(uses[i], *frame);
    }
    add_tags();
    const Profile& profile = analysis_.profile();
    evidence.functions = ranked(profile, functions_);
    evidence.claimers = ranked(profile, claimers_);
    evidence.callees = ranked(profile, callees_);
    evidence.callers = ranked(profile, callers_);
    evidence.nodes = ranked(nodes_);
    evidence.parts = ranked(parts_);
    evidence.queries = ranked(queries_);
    evidence.databases = ranked(databases_);
    evidence.clusters = ranked(cluster_weights_);
    evidence.backend_types = ranked(types_);
    evidence.shape = shape_of(evidence.functions, evidence.weight);
    return evidence;
  }

 private:
  void add(const StackUse& use, uint16_t frame) {
    const std::span<const FunctionId> path = analysis_.path(use);
    if (path.empty()) return;
    functions_[path[0]] += use.weight;
    claimers_[path[frame]] += use.weight;
    if (frame > 0) callees_[path[frame - 1U]] += use.weight;
    add_caller(path.subspan(frame), use.weight);
    add_node(analysis_.nodes(use).subspan(frame), use.weight);
    const RuleIndex primary = use.classification.primary.rule;
    if (primary != rule_) parts_[analysis_.book().rules()[primary].title] += use.weight;
  }

  void add_caller(std::span<const FunctionId> outwards, uint64_t weight) {
    for (const FunctionId function : outwards.subspan(1)) {
      if (analysis_.classifier().stands_for(function, rule_)) continue;
      if (is_glue(name_of(analysis_.profile(), function))) continue;
      callers_[function] += weight;
      return;
    }
  }

  // The two innermost plan nodes.
  void add_node(std::span<const postgres::PlanNode> outwards, uint64_t weight) {
    const std::vector<std::string_view> nodes = plan_nodes(outwards, 2);
    if (nodes.size() == 2) {
      nodes_[fmt::format("the {} below the {}", nodes[0], nodes[1])] += weight;
    } else if (!nodes.empty()) {
      nodes_[fmt::format("the {}", nodes[0])] += weight;
    }
  }

  // By number first: there are far fewer queries and backends than samples.
  void add_tags() {
    const Profile& profile = analysis_.profile();
    std::unordered_map<uint64_t, uint64_t> queries;
    std::vector<std::optional<uint64_t>> backends(profile.backends.size());
    uint64_t last_query = 0;
    uint64_t* weight_of_last = nullptr;
    for (size_t i = 0; i < analysis_.series().size(); ++i) {
      const uint32_t use = analysis_.use_of_series()[i];
      if (use == Analysis::kNotRunning || !counted_[use]) continue;
      const Sample& sample = analysis_.series()[i].sum;
      if (weight_of_last == nullptr || sample.query_id != last_query)
        weight_of_last = &queries[sample.query_id];
      last_query = sample.query_id;
      *weight_of_last += sample.weight;
      if (!profile.backends.contains(sample.backend)) continue;
      auto& weight = backends[sample.backend.value];
      weight = weight.value_or(0) + sample.weight;
    }
    for (const auto& [id, weight] : queries)
      queries_[id == 0 ? "" : std::to_string(static_cast<int64_t>(id))] += weight;
    for (size_t i = 0; i < backends.size(); ++i) {
      if (!backends[i]) continue;
      const BackendId id = profile.backends.id_at(i);
      const Backend& backend = profile.backends[id];
      const ClusterIndex& clusters = analysis_.clusters();
      const std::string cluster(clusters.name_of(clusters.row_of(id)));
      const bool both = !backend.database.empty() && !cluster.empty();
      databases_[both ? backend.database + ", " + cluster : backend.database] += *backends[i];
      cluster_weights_[cluster] += *backends[i];
      types_[backend.type] += *backends[i];
    }
  }

  static std::optional<Shape> shape_of(const Ranking& functions, uint64_t weight) {
    if (functions.empty() || weight == 0) return std::nullopt;
    if (static_cast<double>(functions[0].weight) >= 0.6 * static_cast<double>(weight))
      return Shape::kPlateau;
    const ShapeCondition usual;
    const bool jagged =
        functions.size() >= usual.least_children && entropy_of(functions) > usual.least_entropy;
    return jagged ? std::optional(Shape::kJagged) : std::nullopt;
  }

  const Analysis& analysis_;
  RuleIndex rule_;
  std::vector<bool> counted_;
  FunctionSums functions_;
  FunctionSums claimers_;
  FunctionSums callees_;
  FunctionSums callers_;
  Sums nodes_;
  Sums parts_;
  Sums queries_;
  Sums databases_;
  Sums cluster_weights_;
  Sums types_;
};

}  // namespace

Evidence gather(const Analysis& analysis, RuleIndex rule) {
  return Gatherer(analysis, rule).gather();
}

bool has_shape(const ShapeCondition& condition, const Evidence& evidence, uint64_t total_weight) {
  if (!condition.kind) return true;
  if (total_weight == 0 || evidence.weight == 0) return false;
  const auto wide = [&](uint64_t weight) {
    return static_cast<double>(weight) >= condition.least_share * static_cast<double>(total_weight);
  };
  switch (*condition.kind) {
    case Shape::kPlateau:
      return !evidence.functions.empty() && wide(evidence.functions[0].weight);
    case Shape::kTower:
      return wide(evidence.weight) && owner(evidence.callees, evidence.weight, 0.8) != nullptr;
    case Shape::kJagged:
      return wide(evidence.weight) && evidence.callees.size() >= condition.least_children &&
             entropy_of(evidence.callees) >= condition.least_entropy;
  }
  return false;
}

std::string short_percent(double share) {
  if (share >= 0.0995) return fmt::format("{:.0f} %", share * 100);
  return format_percent(share);
}

std::string list(const Ranking& ranking, uint64_t whole, size_t most) {
  std::string text;
  if (whole == 0) return text;
  for (size_t i = 0; i < std::min(most, ranking.size()); ++i) {
    const double share = static_cast<double>(ranking[i].weight) / static_cast<double>(whole);
    if (share < 0.02) break;
    if (ranking[i].name.empty()) continue;
    if (!text.empty()) text += ", ";
    text += fmt::format("{} ({})", ranking[i].name, short_percent(share));
  }
  return text;
}

const Counted* owner(const Ranking& ranking, uint64_t whole, double share) {
  if (ranking.empty() || whole == 0 || ranking[0].name.empty()) return nullptr;
  const bool owns = static_cast<double>(ranking[0].weight) >= share * static_cast<double>(whole);
  return owns ? ranking.data() : nullptr;
}

std::string fill(std::string_view text, const Evidence& evidence) {
  const std::array<std::pair<std::string_view, const Ranking*>, 6> slots{{
      {"{functions}", &evidence.functions},
      {"{claimers}", &evidence.claimers},
      {"{callees}", &evidence.callees},
      {"{callers}", &evidence.callers},
      {"{nodes}", &evidence.nodes},
      {"{parts}", &evidence.parts},
  }};
  std::string filled(text);
  for (const auto& [slot, ranking] : slots) {
    const auto at = filled.find(slot);
    if (at == std::string::npos) continue;
    const std::string content = list(*ranking, evidence.weight, 5);
    filled.replace(at, slot.size(), content.empty() ? "unknown" : content);
  }
  return filled;
}

}  // namespace pgflame::diagnose
