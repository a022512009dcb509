#include "src/diagnose/gather_evidence.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <unordered_map>

#include <fmt/format.h>

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

using Sums = std::unordered_map<std::string, uint64_t>;

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

std::optional<Shape> shape_of(const Ranking& functions, uint64_t weight) {
  if (functions.empty() || weight == 0) return std::nullopt;
  if (static_cast<double>(functions[0].weight) >= 0.6 * static_cast<double>(weight))
    return Shape::kPlateau;
  const ShapeCondition usual;
  const bool jagged =
      functions.size() >= usual.least_children && entropy_of(functions) > usual.least_entropy;
  return jagged ? std::optional(Shape::kJagged) : std::nullopt;
}

}  // namespace

void FunctionSums::add(FunctionId function, uint64_t weight) {
  if (weight == 0) return;
  uint64_t& sum = weights_[function.value];
  if (sum == 0) used_.push_back(function);
  sum += weight;
}

Ranking FunctionSums::ranked(const Profile& profile) const {
  Sums by_name;
  for (const FunctionId function : used_)
    by_name[std::string(name_of(profile, function))] += weights_[function.value];
  return diagnose::ranked(by_name);
}

void FunctionSums::clear() {
  for (const FunctionId function : used_)
    weights_[function.value] = 0;
  used_.clear();
}

EvidenceGatherer::EvidenceGatherer(const Analysis& analysis)
    : analysis_(analysis),
      glue_(analysis.profile().functions.size()),
      functions_(glue_.size()),
      claimers_(glue_.size()),
      callees_(glue_.size()),
      callers_(glue_.size()) {}

Evidence EvidenceGatherer::gather(RuleIndex rule) {
  clear();
  Evidence evidence;
  const auto& uses = analysis_.uses();
  for (size_t i = 0; i < uses.size(); ++i) {
    const auto frame = Analysis::claim_of(uses[i], rule);
    if (!frame) continue;
    counted_[i] = true;
    evidence.weight += uses[i].weight;
    add(uses[i], rule, *frame);
  }
  add_tags(evidence);
  const Profile& profile = analysis_.profile();
  evidence.functions = functions_.ranked(profile);
  evidence.claimers = claimers_.ranked(profile);
  evidence.callees = callees_.ranked(profile);
  evidence.callers = callers_.ranked(profile);
  evidence.nodes = ranked_nodes();
  evidence.parts = ranked_parts();
  evidence.shape = shape_of(evidence.functions, evidence.weight);
  return evidence;
}

void EvidenceGatherer::clear() {
  for (FunctionSums* sums : {&functions_, &claimers_, &callees_, &callers_})
    sums->clear();
  counted_.assign(analysis_.uses().size(), false);
  parts_.assign(analysis_.book().rules().size(), 0);
  nodes_.clear();
}

void EvidenceGatherer::add(const StackUse& use, RuleIndex rule, uint16_t frame) {
  const std::span<const FunctionId> path = analysis_.path(use);
  if (path.empty()) return;
  functions_.add(path[0], use.weight);
  claimers_.add(path[frame], use.weight);
  if (frame > 0) callees_.add(path[frame - 1U], use.weight);
  add_caller(path.subspan(frame), rule, use.weight);
  add_node(analysis_.nodes(use).subspan(frame), use.weight);
  const RuleIndex primary = use.classification.primary.rule;
  if (primary != rule && primary != kNoRule) parts_[primary] += use.weight;
}

bool EvidenceGatherer::is_glue(FunctionId function) {
  Glue& known = glue_[function.value];
  if (known == Glue::kUnknown) {
    const std::string_view name = name_of(analysis_.profile(), function);
    const bool is_one =
        std::ranges::any_of(kGlue, [&](std::string_view glue) { return name.starts_with(glue); });
    known = is_one ? Glue::kYes : Glue::kNo;
  }
  return known == Glue::kYes;
}

void EvidenceGatherer::add_caller(std::span<const FunctionId> outwards,
                                  RuleIndex rule,
                                  uint64_t weight) {
  for (const FunctionId function : outwards.subspan(1)) {
    if (analysis_.classifier().stands_for(function, rule) || is_glue(function)) continue;
    callers_.add(function, weight);
    return;
  }
}

void EvidenceGatherer::add_node(std::span<const postgres::PlanNode> outwards, uint64_t weight) {
  plan_nodes(outwards, 2, innermost_);
  if (innermost_.empty()) return;
  const std::string_view parent = innermost_.size() == 2 ? innermost_[1] : std::string_view();
  nodes_[{innermost_[0], parent}] += weight;
}

Ranking EvidenceGatherer::ranked_nodes() const {
  Sums sums;
  for (const auto& [nodes, weight] : nodes_) {
    const auto& [inner, parent] = nodes;
    sums[parent.empty() ? fmt::format("the {}", inner)
                        : fmt::format("the {} below the {}", inner, parent)] += weight;
  }
  return ranked(sums);
}

Ranking EvidenceGatherer::ranked_parts() const {
  Sums sums;
  for (RuleIndex rule = 0; rule < parts_.size(); ++rule) {
    if (parts_[rule] > 0) sums[analysis_.book().rules()[rule].title] += parts_[rule];
  }
  return ranked(sums);
}

// By number first: there are far fewer queries and backends than samples.
void EvidenceGatherer::add_tags(Evidence& evidence) {
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
  Sums by_query;
  for (const auto& [id, weight] : queries)
    by_query[id == 0 ? "" : std::to_string(static_cast<int64_t>(id))] += weight;
  Sums databases;
  Sums by_cluster;
  Sums types;
  for (size_t i = 0; i < backends.size(); ++i) {
    if (!backends[i]) continue;
    const BackendId id = profile.backends.id_at(i);
    const Backend& backend = profile.backends[id];
    const ClusterIndex& clusters = analysis_.clusters();
    const std::string cluster(clusters.name_of(clusters.row_of(id)));
    const bool both = !backend.database.empty() && !cluster.empty();
    databases[both ? backend.database + ", " + cluster : backend.database] += *backends[i];
    by_cluster[cluster] += *backends[i];
    types[backend.type] += *backends[i];
  }
  evidence.queries = ranked(by_query);
  evidence.databases = ranked(databases);
  evidence.clusters = ranked(by_cluster);
  evidence.backend_types = ranked(types);
}

}  // namespace pgflame::diagnose
