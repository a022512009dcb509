// Gives each stack its primary activity, and the rules it counts towards besides.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "src/diagnose/rule_book.h"
#include "src/postgres/areas.h"
#include "src/postgres/plan_nodes.h"
#include "src/profile/profile.h"

namespace pgflame::diagnose {

// A rule that a frame of the stack stands for. Frames are counted from the leaf.
struct Claim {
  RuleIndex rule = kNoRule;
  uint16_t frame = 0;
};

struct Classification {
  Claim primary;              // rule kNoRule: unclassified
  std::vector<Claim> counts;  // rules that include the primary one; without it
};

class Classifier {
 public:
  Classifier(const Profile& profile, const RuleBook& book);

  // `path`: functions of one stack, leaf first; `nodes`: the plan node that each runs.
  Classification classify(std::span<const FunctionId> path,
                          std::span<const postgres::PlanNode> nodes,
                          std::string_view backend_type) const;

  // Whether a frame of a stack that is off CPU is one of the rule's.
  bool matches(std::span<const FunctionId> path,
               std::string_view backend_type,
               RuleIndex rule) const;

  // Whether the function stands for the rule (conditions on its callers aside).
  bool stands_for(FunctionId function, RuleIndex rule) const;
  // Whether the rule takes everything of the function's module, whatever it is called.
  bool known_by_module(FunctionId function, RuleIndex rule) const;
  bool in_set(FunctionId function, NameSetId set) const;
  postgres::Area area(FunctionId function) const { return facts_[function.value].area; }

 private:
  struct Candidate {
    RuleIndex rule = 0;
    uint16_t match = 0;
    auto operator<=>(const Candidate&) const = default;
  };
  // Rows of a table of all functions. Stacks are climbed far more often than there are functions,
  // so what is asked about each frame is kept small.
  struct Rows {
    uint32_t first = 0;
    uint32_t count = 0;
    // Appends them.
    template <typename Row>
    static Rows in(std::vector<Row>& table, std::span<const Row> rows) {
      const Rows place{static_cast<uint32_t>(table.size()), static_cast<uint32_t>(rows.size())};
      table.insert(table.end(), rows.begin(), rows.end());
      return place;
    }
    template <typename Row>
    std::span<const Row> of(const std::vector<Row>& table) const {
      return {table.data() + first, count};
    }
  };
  struct Facts {
    Rows candidates;               // conditional matches first, then book order
    Rows off_cpu;                  // of rules that speak of other states than running
    Rows sets;                     // sorted
    uint64_t some_sets = 0;        // bits of them: without its bit, a set is none of them
    bool starts_executor = false;  // another plan or command begins
    bool unnamed_server = false;   // a function of the server, of which only that is known
    postgres::Area area = postgres::Area::kOther;
    RuleIndex default_rule = kNoRule;
  };
  struct Place {
    std::span<const FunctionId> path;
    size_t at = 0;
    std::string_view backend_type;
    std::span<const postgres::PlanNode> nodes;  // for climbing
  };

  static uint64_t bit_of(NameSetId set) { return uint64_t{1} << (set % 64); }
  const Facts& facts(FunctionId function) const { return facts_[function.value]; }
  std::span<const Candidate> candidates(FunctionId function) const {
    return facts(function).candidates.of(candidates_);
  }
  // The rule book the other way round.
  struct Lookup {
    std::vector<std::vector<Candidate>> by_set;  // by NameSetId: what its names can stand for
    std::array<RuleIndex, postgres::kAreaCount> default_rules{};  // by area
    std::vector<std::vector<NameSetId>> module_sets;  // by ModuleId: that contain its name
  };
  Lookup make_lookup(const Profile& profile) const;
  void learn(const Profile& profile, FunctionId id, const Lookup& lookup);
  void find_candidates(Facts& facts, const Lookup& lookup);
  bool called_from(const Place& place, NameSetId set, uint32_t within) const;
  bool calls(const Place& place, NameSetId set, uint32_t within) const;
  bool holds(const Match& match, const Place& place) const;
  Claim claim(std::span<const FunctionId> path, std::string_view backend_type) const;
  void climb(Classification& result, const Place& start) const;

  const RuleBook& book_;
  int major_ = 0;             // of all clusters; 0 unknown or several
  std::vector<Facts> facts_;  // by FunctionId
  std::vector<Candidate> candidates_;
  std::vector<NameSetId> sets_;
};

}  // namespace pgflame::diagnose
