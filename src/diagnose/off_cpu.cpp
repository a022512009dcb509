#include "src/diagnose/off_cpu.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/diagnose/database_facts.h"
#include "src/diagnose/evidence.h"
#include "src/diagnose/findings.h"
#include "src/diagnose/wording.h"

namespace pgflame::diagnose {
namespace {

struct Off {
  uint64_t nanoseconds = 0;
  uint64_t intervals = 0;
};

bool waits_for_it(const Rule& rule, const WaitUse& wait) {
  const std::string event = wait.kind + ":" + wait.name;
  return rule.waits.empty() || std::ranges::any_of(rule.waits, [&](const std::string& pattern) {
           return covers(pattern, event);
         });
}

Off sum_up(const Analysis& analysis, RuleIndex index) {
  const Profile& profile = analysis.profile();
  const Rule& rule = analysis.book().rules()[index];
  Off off;
  for (size_t i = 0; i < analysis.series().size(); ++i) {
    const Sample& sample = analysis.series()[i].sum;
    if (!analysis.selected(i) || sample.state == State::kRunning || !rule.speaks_of(sample.state) ||
        !is_foreground(profile, sample))
      continue;
    if (sample.state == State::kWaiting && !waits_for_it(rule, wait_of(profile, sample))) continue;
    if (!rule.matches.empty()) {
      std::vector<FunctionId> path = functions_of(profile, sample.stack);
      std::reverse(path.begin(), path.end());
      const std::string_view type = profile.backends.contains(sample.backend)
                                        ? std::string_view(profile.backends[sample.backend].type)
                                        : std::string_view();
      if (!analysis.classifier().matches(path, type, index)) continue;
    }
    off.nanoseconds += sample.weight;
    off.intervals += sample.count;
  }
  return off;
}

WaitFinding write(const Analysis& analysis,
                  const TimeSplit& split,
                  const Rule& rule,
                  const Off& off) {
  const Wording wording(analysis.profile());
  WaitFinding result;
  result.nanoseconds = off.nanoseconds;
  Finding& finding = result.finding;
  finding.id = rule.id;
  finding.title = rule.title;
  finding.area = rule.area;
  finding.samples = off_cpu_samples(off.intervals, off.nanoseconds);
  finding.share = share_of_active(split, off.nanoseconds);
  finding.headline = fmt::format("{}: {} of the time of active backends",
                                 capitalised(rule.title),
                                 short_percent(finding.share.share));
  finding.seen = fill(rule.seen, {});
  const std::string facts =
      DatabaseFacts(analysis.profile()).about(rule.database, rule.settings, std::nullopt);
  if (!facts.empty()) finding.seen += (finding.seen.empty() ? "" : " ") + facts;
  finding.means = wording.join(rule.means, {});
  finding.actions = wording.each(rule.actions, {});
  finding.confirm = wording.commands(rule.confirm, {});
  finding.refute = fill(rule.refute, {});
  return result;
}

}  // namespace

std::vector<WaitFinding> find_off_cpu(const Analysis& analysis,
                                      const TimeSplit& split,
                                      const Options& options) {
  std::vector<WaitFinding> findings;
  const auto& rules = analysis.book().rules();
  const int major = common_major(analysis.profile());
  for (RuleIndex index = 0; index < rules.size() && split.active() > 0; ++index) {
    const Rule& rule = rules[index];
    const bool off_cpu = rule.speaks_of(State::kWaiting) || rule.speaks_of(State::kRunnable);
    if (!rule.finding || !off_cpu || !rule.holds_for(major)) continue;
    const Off off = sum_up(analysis, index);
    const double share = static_cast<double>(off.nanoseconds) / static_cast<double>(split.active());
    if (share < options.finding_share ||
        off_cpu_samples(off.intervals, off.nanoseconds) < options.finding_samples)
      continue;
    findings.push_back(write(analysis, split, rule, off));
  }
  return findings;
}

}  // namespace pgflame::diagnose
