#include "src/diagnose/diagnose.h"

#include <algorithm>
#include <cassert>
#include <future>

#include "src/diagnose/backend_times.h"
#include "src/diagnose/database_facts.h"
#include "src/diagnose/figures.h"
#include "src/diagnose/findings.h"
#include "src/diagnose/quality.h"
#include "src/diagnose/skid.h"
#include "src/diagnose/tables.h"
#include "src/diagnose/time_split.h"
#include "src/diagnose/totals.h"
#include "src/diagnose/verdict.h"

namespace pgflame::diagnose {
namespace {

std::vector<Activity> split_by_activity(const Analysis& analysis) {
  std::vector<Activity> activities;
  const auto append = [&](const Activity& activity, const Analysis::Sum& sum) {
    if (sum.samples == 0 && sum.weight == 0) return;
    activities.push_back(activity);
    activities.back().samples = sum.samples;
    activities.back().share = ratio(sum.weight, analysis.weight());
  };
  const auto& rules = analysis.book().rules();
  for (RuleIndex rule = 0; rule < rules.size(); ++rule)
    append(Activity{rules[rule].id, rules[rule].title, rules[rule].area}, analysis.own(rule));
  append(Activity{"UNCLASSIFIED", "not recognised", "other"}, analysis.unclassified());
  std::ranges::stable_sort(activities, std::greater{}, &Activity::share);
  return activities;
}

[[maybe_unused]] bool nothing_disappeared(const std::vector<Activity>& activities,
                                          const Analysis& analysis) {
  uint64_t samples = 0;
  for (const Activity& activity : activities)
    samples += activity.samples;
  return samples == analysis.samples();
}

}  // namespace

Diagnosis diagnose(const Profile& profile, const Options& options) {
  return diagnose(Analysis(profile, options.book(), options.selection), options);
}

Diagnosis diagnose(const Analysis& analysis, const Options& options) {
  const TimeSplit split = split_time(analysis);
  Diagnosis diagnosis;
  // Nothing else reads or writes what these fill in.
  auto tables = std::async(std::launch::async, [&] {
    diagnosis.database = view_database(analysis, options.table_rows);
    fill_tables(analysis, split, options.table_rows, diagnosis);
  });
  diagnosis.selection = options.selection.describe();
  const double skid = skid_share(analysis);
  diagnosis.quality = grade(analysis, split, skid);
  diagnosis.backends = times_by_backend(analysis);
  diagnosis.totals = total_up(analysis, diagnosis.backends);
  diagnosis.notes = notes_on(analysis, skid);
  if (!diagnosis.quality.cut_stacks.empty())
    diagnosis.notes.push_back(diagnosis.quality.cut_stacks);
  diagnosis.activities = split_by_activity(analysis);
  assert(nothing_disappeared(diagnosis.activities, analysis));
  diagnosis.has_waits = analysis.profile().recording.has_waits;
  if (diagnosis.has_waits) diagnosis.time = segments(split);
  if (carries_findings(diagnosis.quality))
    diagnosis.findings = find_patterns(analysis, split, options);
  diagnosis.verdict = pronounce(analysis, split, diagnosis.quality, diagnosis.findings);
  tables.get();
  if (diagnosis.backends.size() > options.table_rows) diagnosis.backends.resize(options.table_rows);
  return diagnosis;
}

}  // namespace pgflame::diagnose
