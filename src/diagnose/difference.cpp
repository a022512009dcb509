#include "src/diagnose/difference.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_set>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/database_facts.h"
#include "src/diagnose/figures.h"
#include "src/diagnose/quality.h"
#include "src/diagnose/skid.h"
#include "src/diagnose/statistics.h"
#include "src/diagnose/time_split.h"
#include "src/postgres/areas.h"
#include "src/postgres/function_names.h"

namespace pgflame::diagnose {
namespace {

struct Key {
  DeltaKind kind;
  std::string id;
  auto operator<=>(const Key&) const = default;
};

struct Amount {
  double samples = 0;
  std::string title;
  std::string area;
};
using Amounts = std::map<Key, Amount>;

// Samples by activity, by innermost function and by function on the stack.
Amounts measure(const Analysis& analysis) {
  Amounts amounts;
  const Profile& profile = analysis.profile();
  const auto add = [&](DeltaKind kind,
                       const std::string& id,
                       std::string_view title,
                       std::string_view area,
                       uint64_t samples) {
    Amount& amount = amounts[{kind, id}];
    amount.samples += static_cast<double>(samples);
    amount.title = title;
    amount.area = area;
  };
  for (const StackUse& use : analysis.uses()) {
    const RuleIndex rule = use.classification.primary.rule;
    if (rule == kNoRule) {
      add(DeltaKind::kActivity, "UNCLASSIFIED", "not recognised", "other", use.samples);
    } else {
      const Rule& known = analysis.book().rules()[rule];
      add(DeltaKind::kActivity, known.id, known.title, known.area, use.samples);
    }
    std::unordered_set<std::string> seen;  // recursion counts once
    bool leaf = true;
    for (const FunctionId function : analysis.path(use)) {
      const std::string name(postgres::base_name(profile.functions[function].name));
      const std::string_view area = postgres::id_of(analysis.classifier().area(function));
      if (leaf) add(DeltaKind::kSelf, name, name, area, use.samples);
      if (seen.insert(name).second) add(DeltaKind::kTotal, name, name, area, use.samples);
      leaf = false;
    }
  }
  return amounts;
}

double busy_cores(const Analysis& analysis) {
  const Recording& recording = analysis.profile().recording;
  const uint64_t ns = cpu_nanoseconds(recording, analysis.weight(), analysis.samples());
  return ratio(static_cast<double>(ns), static_cast<double>(recording.duration_ns));
}

// Time of active backends per second of recording; 0 unknown.
double active_sessions(const Analysis& analysis) {
  const Recording& recording = analysis.profile().recording;
  if (!recording.has_waits) return 0;
  return ratio(static_cast<double>(split_time(analysis).active()),
               static_cast<double>(recording.duration_ns));
}

double transactions(const Analysis& analysis) {
  return DatabaseFacts(analysis.profile()).per_second("xact_commit").value_or(0);
}

class Comparer {
 public:
  Comparer(const Analysis& before, const Analysis& after, const DifferenceOptions& options)
      : before_(before), after_(after), options_(options) {}

  Difference compare() {
    result_.measure = measure_of(after_.profile().recording.event);
    judge();
    result_.samples_before = before_.samples();
    result_.samples_after = after_.samples();
    result_.cores_before = busy_cores(before_);
    result_.cores_after = busy_cores(after_);
    result_.active_before = active_sessions(before_);
    result_.active_after = active_sessions(after_);
    // The server's transactions are everybody's: a selection has no number of its own.
    if (options_.selection.everything()) {
      result_.transactions_before = transactions(before_);
      result_.transactions_after = transactions(after_);
    }
    const Amounts old_amounts = measure(before_);
    const Amounts new_amounts = measure(after_);
    for (const auto& [key, amount] : old_amounts) {
      const auto other = new_amounts.find(key);
      add(key, amount, other == new_amounts.end() ? Amount{} : other->second);
    }
    for (const auto& [key, amount] : new_amounts) {
      if (!old_amounts.contains(key)) add(key, Amount{0, amount.title, amount.area}, amount);
    }
    for (const DeltaKind kind : {DeltaKind::kActivity, DeltaKind::kSelf, DeltaKind::kTotal}) {
      if (result_.carries_claims()) mark_significant(kind);
    }
    std::ranges::stable_sort(result_.deltas, [](const Delta& a, const Delta& b) {
      return std::abs(a.change) > std::abs(b.change);
    });
    for (Delta& delta : result_.deltas)
      say(delta);
    result_.verdict = verdict();
    return std::move(result_);
  }

 private:
  // A profile without samples on a CPU has a verdict of its own.
  void judge() {
    result_.quality_before = grade(before_, split_time(before_), skid_share(before_));
    result_.quality_after = grade(after_, split_time(after_), skid_share(after_));
    if (before_.samples() == 0 || after_.samples() == 0) return;
    const Measure before = measure_of(before_.profile().recording.event);
    if (before != result_.measure)
      result_.caveats.push_back(
          fmt::format("BEFORE counts {} and AFTER {}: their shares are no changes of each other.",
                      before.whole,
                      result_.measure.whole));
    for (const auto& [name, quality] : {std::pair{"BEFORE", &result_.quality_before},
                                        std::pair{"AFTER", &result_.quality_after}}) {
      if (carries_findings(*quality)) continue;
      result_.caveats.push_back(
          fmt::format("The capture {} has grade {}{}: differences may come from what is missing in "
                      "it.",
                      name,
                      quality->grade,
                      quality->reasons.empty() ? std::string()
                                               : fmt::format(" ({})", quality->reasons.front())));
    }
  }

  void add(const Key& key, const Amount& old_amount, const Amount& new_amount) {
    const auto old_all = static_cast<double>(before_.samples());
    const auto new_all = static_cast<double>(after_.samples());
    Delta delta;
    delta.kind = key.kind;
    delta.id = key.id;
    delta.title = old_amount.title;
    delta.area = old_amount.area;
    delta.before = wilson(old_amount.samples, old_all);
    delta.after = wilson(new_amount.samples, new_all);
    if (delta.before.share < options_.least_share && delta.after.share < options_.least_share)
      return;
    if (old_amount.samples == 0) delta.presence = Presence::kNew;
    if (new_amount.samples == 0) delta.presence = Presence::kGone;
    delta.change = delta.after.share - delta.before.share;
    delta.change_error =
        std::sqrt(variance(delta.before.share, old_all) + variance(delta.after.share, new_all)) *
        1.959963984540054;
    delta.cores_before = delta.before.share * result_.cores_before;
    delta.cores_after = delta.after.share * result_.cores_after;
    normalise(delta);
    delta.p = two_proportion_p(old_amount.samples, old_all, new_amount.samples, new_all);
    result_.deltas.push_back(std::move(delta));
  }

  void normalise(Delta& delta) const {
    if (result_.active_before > 0 && result_.active_after > 0) {
      delta.per_backend_second_before = delta.cores_before / result_.active_before * 1e3;
      delta.per_backend_second_after = delta.cores_after / result_.active_after * 1e3;
    }
    if (result_.transactions_before > 0 && result_.transactions_after > 0) {
      delta.per_transaction_before = delta.cores_before / result_.transactions_before * 1e6;
      delta.per_transaction_after = delta.cores_after / result_.transactions_after * 1e6;
    }
  }

  static double variance(double share, double samples) {
    return ratio(share * (1 - share), samples);
  }

  void mark_significant(DeltaKind kind) {
    std::vector<double> p_values;
    std::vector<Delta*> tested;
    for (Delta& delta : result_.deltas) {
      if (delta.kind != kind) continue;
      p_values.push_back(delta.p);
      tested.push_back(&delta);
    }
    const std::vector<bool> found = discoveries(p_values, options_.false_discovery_rate);
    for (size_t i = 0; i < tested.size(); ++i)
      tested[i]->significant = found[i];
  }

  // The query that owns 80 % of the activity's samples afterwards.
  uint64_t owning_query(const Delta& delta) const {
    const RuleIndex rule = after_.book().find(delta.id);
    if (delta.kind != DeltaKind::kActivity || delta.change <= 0 || rule == kNoRule) return 0;
    std::map<uint64_t, uint64_t> queries;
    uint64_t all = 0;
    for (size_t i = 0; i < after_.series().size(); ++i) {
      const uint32_t use = after_.use_of_series()[i];
      if (use == Analysis::kNotRunning) continue;
      if (after_.uses()[use].classification.primary.rule != rule) continue;
      const Sample& sample = after_.series()[i].sum;
      queries[sample.query_id] += sample.count;
      all += sample.count;
    }
    for (const auto& [query, samples] : queries) {
      if (query != 0 && static_cast<double>(samples) >= 0.8 * static_cast<double>(all))
        return query;
    }
    return 0;
  }

  void say(Delta& delta) {
    if (!delta.significant) return;
    delta.query_id = owning_query(delta);
    const std::string name =
        delta.kind == DeltaKind::kActivity
            ? fmt::format("{} ({})", delta.title, delta.id)
            : fmt::format(
                  "{} ({})", delta.title, delta.kind == DeltaKind::kSelf ? "self" : "with callees");
    std::string text = fmt::format("{}: {} → {} of {} ({:+.1f} ±{:.1f} points)",
                                   name,
                                   format_percent(delta.before.share),
                                   format_percent(delta.after.share),
                                   result_.measure.part,
                                   delta.change * 100,
                                   delta.change_error * 100);
    if (delta.presence == Presence::kGone) text += ", gone";
    if (delta.presence == Presence::kNew) text += ", new";
    if (delta.cores_before > 0 || delta.cores_after > 0)
      text += fmt::format(", {:.2f} → {:.2f} cores", delta.cores_before, delta.cores_after);
    if (delta.per_backend_second_before >= 0)
      text += fmt::format(", {:.0f} → {:.0f} ms per second of active backend time",
                          delta.per_backend_second_before,
                          delta.per_backend_second_after);
    if (delta.per_transaction_before >= 0)
      text += fmt::format(", {:.0f} → {:.0f} µs per transaction",
                          delta.per_transaction_before,
                          delta.per_transaction_after);
    if (delta.query_id != 0)
      text += fmt::format(", nearly all of it from query {}", static_cast<int64_t>(delta.query_id));
    delta.sentence = text + ".";
    // Callers move with what they call: with-callees changes stay in the table.
    if (delta.kind != DeltaKind::kTotal) result_.sentences.push_back(delta.sentence);
  }

  std::string verdict() const {
    if (before_.samples() == 0 || after_.samples() == 0)
      return fmt::format("Nothing can be compared: one of the two profiles has no {}s.",
                         result_.measure.sample);
    const bool cores_known = result_.cores_before > 0 && result_.cores_after > 0;
    std::string cores = cores_known ? fmt::format("CPU went from {:.2f} to {:.2f} cores. ",
                                                  result_.cores_before,
                                                  result_.cores_after)
                                    : std::string();
    if (cores_known && result_.transactions_before > 0 && result_.transactions_after > 0)
      cores +=
          fmt::format("Per transaction that is {:.0f} → {:.0f} µs, at {} → {} transactions/s. ",
                      result_.cores_before / result_.transactions_before * 1e6,
                      result_.cores_after / result_.transactions_after * 1e6,
                      figure(result_.transactions_before),
                      figure(result_.transactions_after));
    if (!result_.carries_claims())
      return cores + "No difference between the two is called a change.";
    const auto activity = std::ranges::find_if(result_.deltas, [](const Delta& delta) {
      return delta.significant && delta.kind == DeltaKind::kActivity;
    });
    if (activity == result_.deltas.end()) {
      const auto functions = std::ranges::count_if(result_.deltas, &Delta::significant);
      return cores + "The split of the " + result_.measure.whole + " did not change: " +
             (functions == 0
                  ? "all differences between the two profiles are within what sampling "
                    "alone produces."
                  : "the differences of all activities are within what sampling alone "
                    "produces; those of " +
                        counted(static_cast<uint64_t>(functions), "function") + " below are not.");
    }
    return fmt::format("{}The largest change is in {}", cores, activity->sentence);
  }

  const Analysis& before_;
  const Analysis& after_;
  const DifferenceOptions& options_;
  Difference result_;
};

}  // namespace

Difference compare(const Profile& before, const Profile& after, const DifferenceOptions& options) {
  const RuleBook& book = options.rules != nullptr ? *options.rules : RuleBook::builtin();
  const Analysis old_analysis(before, book, options.selection);
  const Analysis new_analysis(after, book, options.selection);
  return Comparer(old_analysis, new_analysis, options).compare();
}

}  // namespace pgflame::diagnose
