#include "src/diagnose/findings.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/two_parts.h"
#include "src/diagnose/database_facts.h"
#include "src/diagnose/evidence.h"
#include "src/diagnose/figures.h"
#include "src/diagnose/gather_evidence.h"
#include "src/diagnose/off_cpu.h"
#include "src/diagnose/statistics.h"
#include "src/diagnose/wait_findings.h"
#include "src/diagnose/wording.h"

namespace pgflame::diagnose {
namespace {

class Writer {
 public:
  Writer(const Analysis& analysis, const TimeSplit& split, const Options& options)
      : analysis_(analysis),
        split_(split),
        options_(options),
        wording_(analysis.profile()),
        database_(analysis.profile()) {}

  std::vector<Finding> write() {
    // What the rules say and advise is about time.
    if (analysis_.profile().recording.event.is_cpu_time) consider_rules();
    for (WaitFinding& found : find_off_cpu(analysis_, split_, options_))
      ranked_.push_back(
          {std::move(found.finding), static_cast<double>(found.nanoseconds), kNoRule});
    for (WaitFinding& wait : find_waits(analysis_, split_, options_))
      ranked_.push_back({std::move(wait.finding), static_cast<double>(wait.nanoseconds), kNoRule});
    std::ranges::stable_sort(
        ranked_, [](const Ranked& a, const Ranked& b) { return a.nanoseconds > b.nanoseconds; });
    yield();
    put_queue_behind();
    mark_tie();
    std::vector<Finding> findings;
    for (Ranked& one : ranked_)
      findings.push_back(std::move(one.finding));
    return findings;
  }

 private:
  struct Ranked {
    Finding finding;
    double nanoseconds = 0;
    RuleIndex rule = kNoRule;
  };

  // Every other rule in either part: neighbours are about the same code and cost alike.
  void consider_rules() {
    constexpr size_t kWorthAThread = 4096;
    const auto& rules = analysis_.book().rules();
    std::vector<std::optional<Ranked>> found(rules.size());
    in_two_parts(analysis_.uses().size() >= kWorthAThread, [&](size_t part) {
      EvidenceGatherer gatherer(analysis_);
      for (size_t rule = part; rule < rules.size(); rule += 2) {
        if (rules[rule].finding && rules[rule].speaks_of(State::kRunning))
          found[rule] = consider(static_cast<RuleIndex>(rule), gatherer);
      }
    });
    for (std::optional<Ranked>& one : found) {
      if (one) ranked_.push_back(std::move(*one));
    }
  }

  std::optional<Ranked> consider(RuleIndex index, EvidenceGatherer& gatherer) const {
    const Rule& rule = analysis_.book().rules()[index];
    const Analysis::Sum& sum = analysis_.with_included(index);
    const double share = ratio(sum.weight, analysis_.weight());
    const uint64_t waited = waits_of(rule);
    if (share < options_.finding_share || sum.samples < options_.finding_samples)
      return std::nullopt;
    const bool off_cpu =
        split_.active() > 0 && ratio(waited, split_.active()) >= options_.finding_share;
    if (!off_cpu && !needs_met(index, share)) return std::nullopt;
    const Evidence evidence = gatherer.gather(index);
    if (!has_shape(rule.shape, evidence, analysis_.weight())) return std::nullopt;
    Finding finding = write(rule, sum, share, evidence);
    if (waited > 0) add_waits(finding, rule, waited);
    // Below the finding about the waits themselves, which says more.
    const double asleep = off_cpu ? 0.99 * static_cast<double>(waited) : 0;
    const double cpu = share * static_cast<double>(std::max<uint64_t>(split_.running, 1));
    return Ranked{std::move(finding), std::max(cpu, asleep), index};
  }

  uint64_t waits_of(const Rule& rule) const {
    uint64_t sum = 0;
    for (const WaitUse& wait : split_.waits) {
      const std::string event = wait.kind + ":" + wait.name;
      const bool mine = std::ranges::any_of(
          rule.waits, [&](const std::string& pattern) { return covers(pattern, event); });
      if (mine) sum += wait.nanoseconds;
    }
    return sum;
  }

  bool needs_met(RuleIndex index, double share) const {
    const Rule& rule = analysis_.book().rules()[index];
    if (rule.needs == kNoNames) return true;
    // The waits are known, and there are hardly any of this rule.
    const bool told_by_waits = !rule.waits.empty() && analysis_.profile().recording.has_waits;
    if (share >= rule.needs_below && !told_by_waits) return true;
    uint64_t with = 0;
    uint64_t all = 0;
    for (const StackUse& use : analysis_.uses()) {
      if (!Analysis::claim_of(use, index)) continue;
      all += use.weight;
      const auto path = analysis_.path(use);
      const bool has = std::ranges::any_of(path, [&](FunctionId function) {
        return analysis_.classifier().in_set(function, rule.needs);
      });
      if (has) with += use.weight;
    }
    return ratio(with, all) >= rule.needs_share;
  }

  Finding write(const Rule& rule,
                const Analysis::Sum& sum,
                double share,
                const Evidence& evidence) const {
    const Recording& recording = analysis_.profile().recording;
    Finding finding;
    finding.id = rule.id;
    finding.title = rule.title;
    finding.area = rule.area;
    finding.samples = sum.samples;
    finding.share = wilson(share * static_cast<double>(analysis_.samples()),
                           static_cast<double>(analysis_.samples()));
    const uint64_t ns = cpu_nanoseconds(recording, sum.weight, sum.samples);
    finding.cores = ratio(ns, static_cast<uint64_t>(std::max<int64_t>(recording.duration_ns, 0)));
    if (const Counted* query = owner(evidence.queries, evidence.weight, 0.8))
      finding.query_id = static_cast<uint64_t>(std::stoll(query->name));
    finding.headline = headline(finding);
    finding.seen = wording_.seen(rule, evidence, analysis_.weight());
    if (const std::string facts = database_.about(rule.database, rule.settings, finding.query_id);
        !facts.empty())
      finding.seen += ' ' + facts;
    finding.means = wording_.join(rule.means, evidence);
    finding.actions = wording_.each(rule.actions, evidence);
    finding.confirm = wording_.commands(rule.confirm, evidence);
    if (finding.query_id && finding.confirm.find("QUERY;") != std::string::npos)
      finding.confirm = how_to_find(*finding.query_id) + finding.confirm;
    finding.refute = fill(rule.refute, evidence);
    for (const Counted& claimer : evidence.claimers) {
      if (finding.frames.size() < 5) finding.frames.push_back(claimer.name);
    }
    return finding;
  }

  // The statement that "QUERY" stands for, when the server keeps it.
  std::string how_to_find(uint64_t query_id) const {
    const auto& queries = analysis_.profile().queries;
    const auto known = std::ranges::find(queries, query_id, &Query::id);
    if (known == queries.end() || known->id_is_text_hash) return {};
    return fmt::format(
        "SELECT calls, mean_exec_time, query FROM pg_stat_statements WHERE queryid "
        "= {};\n",
        static_cast<int64_t>(query_id));
  }

  std::string headline(const Finding& finding) const {
    const auto percent = [](double share) { return fmt::format("{:.0f}", share * 100); };
    std::string text = fmt::format("{}: {} of CPU ({}–{})",
                                   capitalised(finding.title),
                                   short_percent(finding.share.share),
                                   percent(finding.share.low),
                                   percent(finding.share.high));
    if (finding.cores > 0)
      text += ", " + busy_cores(finding.cores, analysis_.profile().recording.cpus);
    return text;
  }

  void add_waits(Finding& finding, const Rule& rule, uint64_t waited) const {
    Ranking events;
    for (const WaitUse& wait : split_.waits) {
      const std::string event = wait.kind + ":" + wait.name;
      const bool mine = std::ranges::any_of(
          rule.waits, [&](const std::string& pattern) { return covers(pattern, event); });
      if (mine) events.push_back(Counted{wait.name.empty() ? wait.kind : event, wait.nanoseconds});
    }
    finding.seen +=
        fmt::format(" Beside that, {} of the time of active backends was spent asleep in it: {}.",
                    short_percent(ratio(waited, split_.active())),
                    list(events, waited, 4));
  }

  // A queue for CPUs comes from what uses them: when one pattern makes up a quarter of that, it is
  // the better lever and stands first.
  void put_queue_behind() {
    constexpr double kLever = 0.25;
    const auto queue = std::ranges::find(
        ranked_, "RUNQ", [](const Ranked& one) -> const std::string& { return one.finding.id; });
    const auto lever = std::find_if(queue, ranked_.end(), [](const Ranked& one) {
      return one.rule != kNoRule && one.finding.share.share >= kLever;
    });
    if (lever != ranked_.end()) std::rotate(queue, queue + 1, lever + 1);
  }

  // The first two, when the samples cannot tell which is larger. Patterns that count the same
  // samples are no rivals.
  void mark_tie() {
    if (ranked_.size() < 2) return;
    Ranked& first = ranked_[0];
    Ranked& second = ranked_[1];
    const bool on_cpu = first.rule != kNoRule && second.rule != kNoRule;
    if (on_cpu != (first.rule != kNoRule || second.rule != kNoRule)) return;
    const Share& a = first.finding.share;
    const Share& b = second.finding.share;
    if (a.low > b.high || b.low > a.high) return;
    if (on_cpu) {
      const uint64_t common = analysis_.included_part(first.rule, second.rule).weight;
      const uint64_t smaller = std::min(analysis_.with_included(first.rule).weight,
                                        analysis_.with_included(second.rule).weight);
      if (ratio(common, smaller) > 0.5) return;
    }
    tie(first.finding, second.finding);
    tie(second.finding, first.finding);
  }

  static void tie(Finding& finding, const Finding& other) {
    finding.tied_with = other.id;
    finding.headline += fmt::format("; a tie with {}", other.title);
  }

  // A rule that yields to others goes right behind the one of them that makes most of it up.
  void yield() {
    for (size_t i = 0; i < ranked_.size(); ++i) {
      const RuleIndex index = ranked_[i].rule;
      if (index == kNoRule) continue;
      const auto dominant = dominant_part(index, i);
      if (!dominant) continue;
      std::rotate(ranked_.begin() + static_cast<std::ptrdiff_t>(i),
                  ranked_.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                  ranked_.begin() + static_cast<std::ptrdiff_t>(*dominant) + 1);
      i = *dominant;
    }
  }

  std::optional<size_t> dominant_part(RuleIndex index, size_t from) const {
    constexpr double kMost = 0.6;
    const uint64_t whole = analysis_.with_included(index).weight;
    for (size_t i = from + 1; i < ranked_.size(); ++i) {
      const RuleIndex other = ranked_[i].rule;
      const Rule& rule = analysis_.book().rules()[index];
      if (other == kNoRule || !rule.yields.contains(other) || !rule.includes.contains(other))
        continue;
      if (ratio(analysis_.included_part(index, other).weight, whole) >= kMost) return i;
    }
    return std::nullopt;
  }

  const Analysis& analysis_;
  const TimeSplit& split_;
  const Options& options_;
  Wording wording_;
  DatabaseFacts database_;
  std::vector<Ranked> ranked_;
};

}  // namespace

std::string capitalised(std::string_view text) {
  std::string result(text);
  if (!result.empty())
    result[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(result[0])));
  return result;
}

std::vector<Finding> find_patterns(const Analysis& analysis,
                                   const TimeSplit& split,
                                   const Options& options) {
  return Writer(analysis, split, options).write();
}

}  // namespace pgflame::diagnose
