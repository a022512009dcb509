// Profile in, Diagnosis out. Pure.
#pragma once

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnosis.h"
#include "src/diagnose/rule_book.h"
#include "src/profile/profile.h"

namespace pgflame::diagnose {

struct Options {
  double finding_share = 0.05;    // below, a pattern is not a finding
  uint64_t finding_samples = 30;  // likewise
  size_t table_rows = 10;
  Selection selection;
  const RuleBook* rules = nullptr;  // null: the built-in book

  const RuleBook& book() const { return rules != nullptr ? *rules : RuleBook::builtin(); }
};

Diagnosis diagnose(const Profile& profile, const Options& options = {});
// The same from an analysis of the selection, which the report's plan view can share.
Diagnosis diagnose(const Analysis& analysis, const Options& options);

}  // namespace pgflame::diagnose
