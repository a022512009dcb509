#include "src/diagnose/classifier.h"

#include <algorithm>
#include <array>

#include "src/base/rows.h"
#include "src/diagnose/wording.h"
#include "src/postgres/function_names.h"
#include "src/postgres/server_major.h"

namespace pgflame::diagnose {
namespace {

std::string_view module_name(const Module& module) {
  switch (module.kind) {
    case ModuleKind::kKernel:
      return "[kernel]";
    case ModuleKind::kJit:
      return "[jit]";
    default:
      return std::string_view(module.path).substr(module.path.find_last_of('/') + 1);
  }
}

// A plan runs below these, or a command that works through whole tables like one
// (src/backend/tcop/utility.c).
constexpr std::array<std::string_view, 9> kExecutors{"standard_ExecutorRun",
                                                     "ExecutorRun",
                                                     "DoCopy",
                                                     "ExecVacuum",
                                                     "DefineIndex",
                                                     "ATRewriteTables",
                                                     "ExecReindex",
                                                     "cluster",
                                                     "ExecRefreshMatView"};

bool starts_executor(std::string_view function) {
  return std::ranges::find(kExecutors, function) != kExecutors.end();
}

}  // namespace

Classifier::Classifier(const Profile& profile, const RuleBook& book)
    : book_(book), major_(common_major(profile)) {
  facts_.resize(profile.functions.size());
  const Lookup lookup = make_lookup(profile);
  for (size_t i = 0; i < profile.functions.size(); ++i)
    learn(profile, profile.functions.id_at(i), lookup);
}

Classifier::Lookup Classifier::make_lookup(const Profile& profile) const {
  Lookup lookup;
  lookup.by_set.resize(book_.names().size());
  lookup.default_rules.fill(kNoRule);
  for (RuleIndex index = 0; index < book_.rules().size(); ++index) {
    const Rule& rule = book_.rules()[index];
    if (!rule.holds_for(major_)) continue;
    for (uint16_t m = 0; m < rule.matches.size(); ++m) {
      const Match& match = rule.matches[m];
      for (const NameSetId set : {match.frames, match.files, match.modules}) {
        if (set != kNoNames) lookup.by_set[set].push_back(Candidate{index, m});
      }
    }
    if (!rule.speaks_of(State::kRunning)) continue;
    for (size_t area = 0; area < postgres::kAreaCount; ++area) {
      const std::string_view id = postgres::id_of(static_cast<postgres::Area>(area));
      if (std::ranges::find(rule.default_areas, id) != rule.default_areas.end())
        lookup.default_rules[area] = index;
    }
  }
  for (const Module& module : profile.modules) {
    const std::string name = std::string(kModuleMark).append(module_name(module));
    book_.names().find(name, lookup.module_sets.emplace_back());
  }
  return lookup;
}

void Classifier::learn(const Profile& profile, FunctionId id, const Lookup& lookup) {
  Facts& facts = facts_[id.value];
  std::vector<NameSetId> sets;
  const Function& function = profile.functions[id];
  facts.area = postgres::area_of(profile, id);
  if (function.tier != NameTier::kNone && function.tier != NameTier::kPlaced) {
    const std::string_view name = postgres::base_name(function.name);
    book_.names().find(name, sets);
    facts.starts_executor = starts_executor(name);
  }
  if (!function.file.empty()) {
    const std::string_view file = std::string_view(function.file);
    book_.names().find(std::string(kFileMark).append(file.substr(file.find_last_of('/') + 1)),
                       sets);
  }
  if (function.module.valid() && profile.modules.contains(function.module)) {
    const std::vector<NameSetId>& all = lookup.module_sets[function.module.value];
    sets.insert(sets.end(), all.begin(), all.end());
    facts.unnamed_server = facts.area == postgres::Area::kUnnamed &&
                           postgres::is_server(profile.modules[function.module].path);
  }
  std::ranges::sort(sets);
  drop_repeated(sets);
  facts.sets = Rows::in<NameSetId>(sets_, sets);
  for (const NameSetId set : sets)
    facts.some_sets |= bit_of(set);
  find_candidates(facts, lookup);
}

// Whether and how the function can stand for rules.
void Classifier::find_candidates(Facts& facts, const Lookup& lookup) {
  std::vector<Candidate> found;
  for (const NameSetId set : facts.sets.of(sets_))
    found.insert(found.end(), lookup.by_set[set].begin(), lookup.by_set[set].end());
  std::ranges::sort(found);
  drop_repeated(found);
  const auto off_cpu = std::stable_partition(found.begin(), found.end(), [&](Candidate candidate) {
    return book_.rules()[candidate.rule].speaks_of(State::kRunning);
  });
  std::stable_partition(found.begin(), off_cpu, [&](Candidate candidate) {
    return book_.rules()[candidate.rule].matches[candidate.match].conditional();
  });
  facts.candidates = Rows::in<Candidate>(candidates_, {found.begin(), off_cpu});
  facts.off_cpu = Rows::in<Candidate>(candidates_, {off_cpu, found.end()});
  facts.default_rule = lookup.default_rules[static_cast<size_t>(facts.area)];
}

bool Classifier::in_set(FunctionId function, NameSetId set) const {
  const Facts& known = facts(function);
  if ((known.some_sets & bit_of(set)) == 0) return false;
  return set != kNoNames && std::ranges::binary_search(known.sets.of(sets_), set);
}

bool Classifier::stands_for(FunctionId function, RuleIndex rule) const {
  return std::ranges::any_of(candidates(function),
                             [&](const Candidate& candidate) { return candidate.rule == rule; });
}

bool Classifier::known_by_module(FunctionId function, RuleIndex rule) const {
  return std::ranges::any_of(book_.rules()[rule].matches,
                             [&](const Match& match) { return in_set(function, match.modules); });
}

bool Classifier::called_from(const Place& place, NameSetId set, uint32_t within) const {
  const size_t end =
      within == 0 ? place.path.size() : std::min(place.path.size(), place.at + 1 + within);
  for (size_t i = place.at + 1; i < end; ++i) {
    if (in_set(place.path[i], set)) return true;
  }
  return false;
}

bool Classifier::calls(const Place& place, NameSetId set, uint32_t within) const {
  for (size_t i = within == 0 || within > place.at ? 0 : place.at - within; i < place.at; ++i) {
    if (in_set(place.path[i], set)) return true;
  }
  return false;
}

bool Classifier::holds(const Match& match, const Place& place) const {
  if (match.leaf && place.at != 0) return false;
  if (match.under != kNoNames && !called_from(place, match.under, match.within)) return false;
  if (match.not_under != kNoNames && called_from(place, match.not_under, match.not_within))
    return false;
  if (match.calls != kNoNames && !calls(place, match.calls, match.calls_within)) return false;
  if (match.not_calls != kNoNames && calls(place, match.not_calls, match.not_calls_within))
    return false;
  return match.backend_types.empty() ||
         std::ranges::find(match.backend_types, place.backend_type) != match.backend_types.end();
}

bool Classifier::matches(std::span<const FunctionId> path,
                         std::string_view backend_type,
                         RuleIndex rule) const {
  for (size_t i = 0; i < path.size(); ++i) {
    for (const Candidate& candidate : facts(path[i]).off_cpu.of(candidates_)) {
      const Match& match = book_.rules()[candidate.rule].matches[candidate.match];
      if (candidate.rule == rule && holds(match, Place{path, i, backend_type, {}})) return true;
    }
  }
  return false;
}

Claim Classifier::claim(std::span<const FunctionId> path, std::string_view backend_type) const {
  for (size_t i = 0; i < path.size(); ++i) {
    for (const Candidate& candidate : candidates(path[i])) {
      const Match& match = book_.rules()[candidate.rule].matches[candidate.match];
      if (holds(match, Place{path, i, backend_type, {}}))
        return Claim{candidate.rule, static_cast<uint16_t>(i)};
    }
  }
  for (size_t i = 0; i < path.size(); ++i) {
    const Facts& known = facts(path[i]);
    if (known.default_rule != kNoRule) return Claim{known.default_rule, static_cast<uint16_t>(i)};
    // It may do anything, whatever its callers are there for.
    if (known.unnamed_server) return {};
  }
  return {};
}

// Goes on towards the root: callers may take the sample over, or count it too.
void Classifier::climb(Classification& result, const Place& start) const {
  bool crossed = false;
  for (size_t i = start.at; i < start.path.size(); ++i) {
    for (const Candidate& candidate : candidates(start.path[i])) {
      const Rule& rule = book_.rules()[candidate.rule];
      const Match& match = rule.matches[candidate.match];
      if (candidate.rule == result.primary.rule ||
          !holds(match, {start.path, i, start.backend_type, {}}))
        continue;
      if (!crossed && match.takes.contains(result.primary.rule))
        result.primary = Claim{candidate.rule, static_cast<uint16_t>(i)};
      const bool counted = std::ranges::any_of(
          result.counts, [&](const Claim& claim) { return claim.rule == candidate.rule; });
      if (!counted && (!crossed || rule.through_nodes) &&
          rule.includes.contains(result.primary.rule))
        result.counts.push_back(Claim{candidate.rule, static_cast<uint16_t>(i)});
    }
    crossed = crossed || start.nodes[i] != postgres::PlanNode::kNone ||
              facts(start.path[i]).starts_executor;
  }
  std::erase_if(result.counts,
                [&](const Claim& claim) { return claim.rule == result.primary.rule; });
}

Classification Classifier::classify(std::span<const FunctionId> path,
                                    std::span<const postgres::PlanNode> nodes,
                                    std::string_view backend_type) const {
  Classification result;
  result.primary = claim(path, backend_type);
  if (result.primary.rule != kNoRule)
    climb(result, Place{path, result.primary.frame, backend_type, nodes});
  return result;
}

}  // namespace pgflame::diagnose
