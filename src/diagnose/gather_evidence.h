// Adds up what the samples of one rule after the other have in common.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/evidence.h"

namespace pgflame::diagnose {

// Weights by function, as fast to empty as few functions have one.
class FunctionSums {
 public:
  explicit FunctionSums(size_t functions) : weights_(functions) {}

  void add(FunctionId function, uint64_t weight);
  // By base names.
  Ranking ranked(const Profile& profile) const;
  void clear();

 private:
  std::vector<uint64_t> weights_;
  std::vector<FunctionId> used_;
};

// One thread's. The analysis must outlive it.
class EvidenceGatherer {
 public:
  explicit EvidenceGatherer(const Analysis& analysis);

  Evidence gather(RuleIndex rule);

 private:
  using Nodes = std::pair<std::string_view, std::string_view>;  // the inner one, and its parent

  void add(const StackUse& use, RuleIndex rule, uint16_t frame);
  void add_caller(std::span<const FunctionId> outwards, RuleIndex rule, uint64_t weight);
  void add_node(std::span<const postgres::PlanNode> outwards, uint64_t weight);
  void add_tags(Evidence& evidence);
  Ranking ranked_nodes() const;
  Ranking ranked_parts() const;
  bool is_glue(FunctionId function);
  void clear();

  enum class Glue : uint8_t { kUnknown, kNo, kYes };

  const Analysis& analysis_;
  std::vector<Glue> glue_;     // by function
  std::vector<bool> counted_;  // uses of the rule at hand
  FunctionSums functions_;
  FunctionSums claimers_;
  FunctionSums callees_;
  FunctionSums callers_;
  std::map<Nodes, uint64_t> nodes_;
  std::vector<uint64_t> parts_;  // by rule
  std::vector<std::string_view> innermost_;
};

}  // namespace pgflame::diagnose
