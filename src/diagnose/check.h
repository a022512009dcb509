// Conditions on a diagnosis, for gates and runbooks: "PLAN>20%".
#pragma once

#include <string>
#include <string_view>

#include "src/base/error.h"
#include "src/diagnose/diagnosis.h"
#include "src/diagnose/rule_book.h"

namespace pgflame::diagnose {

enum class Comparison { kAbove, kAtLeast, kBelow, kAtMost };

// "PLAN>20%", "WAIT-IO>=0.3", "unclassified>5%", "lost>1%", "unnamed>10%", "truncated>10%".
struct Condition {
  std::string id;
  Comparison comparison = Comparison::kAbove;
  double limit = 0;      // a share, 0 to 1
  bool off_cpu = false;  // of the pattern: speaks of time off the CPU only
  std::string text;      // as written
};

// Ids must be known to the book, or be one of the words above.
Result<Condition> parse_condition(std::string_view text, const RuleBook& book);

struct Checked {
  bool holds = false;
  bool told = true;  // false: a pattern, and the capture says nothing about such
  double share = 0;
  std::string sentence;  // "PLAN is 31 % of CPU, above 20 %"
};

// The share of an id is its finding's, which counts what it includes; without a finding it is its
// part of the split. Findings about waiting are shares of active backend time.
Checked check(const Condition& condition, const Diagnosis& diagnosis);

}  // namespace pgflame::diagnose
