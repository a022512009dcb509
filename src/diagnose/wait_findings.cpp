#include "src/diagnose/wait_findings.h"

#include <algorithm>
#include <cctype>
#include <map>

#include <fmt/format.h>

#include "src/diagnose/database_facts.h"
#include "src/diagnose/evidence.h"
#include "src/diagnose/figures.h"
#include "src/diagnose/wording.h"

namespace pgflame::diagnose {
namespace {

struct ClassText {
  std::string_view kind;
  std::string_view title;
  std::string_view area;
};
constexpr ClassText kClasses[] = {
    {"LWLock", "waiting for lightweight locks", "lock"},
    {"Lock", "waiting for heavyweight locks", "lock"},
    {"IO", "waiting for files", "buffer"},
    {"IPC", "waiting for other processes", "executor"},
    {"Client", "waiting for the client", "network"},
    {"Timeout", "sleeping on purpose", "other"},
    {"BufferPin", "waiting for a buffer pin", "buffer"},
    {"Buffer", "waiting for a page's lock or pin", "buffer"},
    {"Extension", "waiting in an extension", "other"},
    {"Spin", "sleeping on spinlocks", "lock"},
};

const ClassText* class_text(std::string_view kind) {
  const auto* found = std::ranges::find(kClasses, kind, &ClassText::kind);
  return found == std::end(kClasses) ? nullptr : found;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

struct ClassUse {
  uint64_t nanoseconds = 0;
  uint64_t intervals = 0;
  bool from_stack = false;
  Ranking events;  // most time first
};

std::string headline(const Analysis& analysis, const Finding& finding, uint64_t ns) {
  const auto duration =
      static_cast<uint64_t>(std::max<int64_t>(analysis.profile().recording.duration_ns, 0));
  std::string text = finding.title;
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  text += fmt::format(": {} of the time of active backends", short_percent(finding.share.share));
  if (duration == 0) return text;
  const double sessions = ratio(ns, duration);
  text += sessions < 0.05 ? std::string(", less than 0.1 sessions on average")
                          : fmt::format(", {:.1f} sessions on average", sessions);
  return text;
}

// The advice of the largest events of the class, each event's once.
void advise(const Analysis& analysis,
            std::string_view kind,
            const ClassUse& use,
            Finding& finding) {
  const Wording wording(analysis.profile());
  std::vector<std::string> used;  // several events may share a text
  for (const Counted& event : use.events) {
    if (used.size() == 3 || (!used.empty() && ratio(event.weight, use.nanoseconds) < 0.15)) break;
    const WaitAdvice* advice = analysis.book().find_wait(fmt::format("{}:{}", kind, event.name));
    if (advice == nullptr) continue;
    const std::string means = wording.join(advice->means, {});
    if (std::ranges::find(used, means) != used.end()) continue;
    used.push_back(means);
    const std::string name = event.name.empty() ? std::string(kind) : event.name;
    finding.means += fmt::format("{}{}: {}", finding.means.empty() ? "" : " ", name, means);
    for (std::string& action : wording.each(advice->actions, {}))
      finding.actions.push_back(std::move(action));
    if (finding.confirm.empty()) finding.confirm = wording.commands(advice->confirm, {});
    if (finding.refute.empty()) finding.refute = advice->refute;
  }
}

// The queries whose samples `counts` picks, most time first.
template <typename Counts>
Ranking queries_of(const Analysis& analysis, Counts&& counts) {
  std::map<std::string, uint64_t> sums;
  const Profile& profile = analysis.profile();
  for (size_t i = 0; i < analysis.series().size(); ++i) {
    const Sample& sample = analysis.series()[i].sum;
    if (sample.query_id == 0 || !analysis.selected(i) || !is_foreground(profile, sample)) continue;
    if (counts(sample))
      sums[std::to_string(static_cast<int64_t>(sample.query_id))] += sample.weight;
  }
  Ranking ranking;
  for (const auto& [query, ns] : sums)
    ranking.push_back(Counted{query, ns});
  std::ranges::stable_sort(ranking, std::greater{}, &Counted::weight);
  return ranking;
}

void add_queries(const Ranking& queries, uint64_t nanoseconds, Finding& finding) {
  if (const Counted* query = owner(queries, nanoseconds, 0.8))
    finding.query_id = static_cast<uint64_t>(std::stoll(query->name));
  Ranking named = queries;
  for (Counted& query : named)
    query.name.insert(0, "query ");
  const std::string text = list(named, nanoseconds);
  if (!text.empty()) finding.seen += fmt::format(" Who waits: {}.", text);
}

// What the database says about waits of this class.
void add_database(const Analysis& analysis, std::string_view kind, Finding& finding) {
  const WaitAdvice* advice = analysis.book().find_wait(fmt::format("{}:", kind));
  if (advice == nullptr) return;
  const std::string facts =
      DatabaseFacts(analysis.profile()).about(advice->database, advice->settings, finding.query_id);
  if (!facts.empty()) finding.seen += ' ' + facts;
}

std::optional<WaitFinding> find_class(const Analysis& analysis,
                                      const TimeSplit& split,
                                      const ClassText& text,
                                      const ClassUse& use,
                                      const Options& options) {
  const double share = ratio(use.nanoseconds, split.active());
  const uint64_t samples = off_cpu_samples(use.intervals, use.nanoseconds);
  if (share < options.finding_share || samples < options.finding_samples) return std::nullopt;
  WaitFinding wait;
  wait.nanoseconds = use.nanoseconds;
  Finding& finding = wait.finding;
  finding.id = wait_id(text.kind);
  finding.title = text.title;
  finding.area = text.area;
  finding.samples = samples;
  finding.share = share_of_active(split, use.nanoseconds);
  finding.headline = headline(analysis, finding, use.nanoseconds);
  const std::string events = list(use.events, use.nanoseconds, 5);
  finding.seen = events.empty() ? std::string("The wait event itself could not be read.")
                                : fmt::format("Wait events: {}.", events);
  if (use.from_stack)
    finding.seen += " Part of it was told from the functions on the stack, not from a wait event.";
  const Profile& profile = analysis.profile();
  const auto waits_so = [&](const Sample& sample) {
    return sample.state == State::kWaiting && wait_of(profile, sample).kind == text.kind;
  };
  add_queries(queries_of(analysis, waits_so), use.nanoseconds, finding);
  add_database(analysis, text.kind, finding);
  advise(analysis, text.kind, use, finding);
  if (finding.confirm.empty())
    finding.confirm =
        "SELECT pid, backend_type, wait_event_type, wait_event, state, query FROM pg_stat_activity "
        "WHERE wait_event_type IS NOT NULL AND state <> 'idle';";
  if (finding.refute.empty())
    finding.refute =
        "pg_stat_activity, looked at several times under the same load, does not show backends in "
        "this wait.";
  return wait;
}

std::optional<WaitFinding> find_starvation(const Analysis& analysis,
                                           const TimeSplit& split,
                                           const Options& options) {
  const double share = ratio(split.runnable, split.active());
  const uint64_t samples = off_cpu_samples(split.runnable_intervals, split.runnable);
  if (share < options.finding_share || samples < options.finding_samples) return std::nullopt;
  const uint32_t cpus = analysis.profile().recording.cpus;
  WaitFinding wait;
  wait.nanoseconds = split.runnable;
  wait.finding = run_queue_texts();
  Finding& finding = wait.finding;
  finding.samples = samples;
  finding.share = share_of_active(split, split.runnable);
  finding.headline = headline(analysis, finding, split.runnable);
  finding.seen = fmt::format("Backends that could have run stood in the run queue{}.",
                             cpus > 0 ? fmt::format(" of {} CPUs", cpus) : std::string());
  const auto queues = [](const Sample& sample) { return sample.state == State::kRunnable; };
  add_queries(queries_of(analysis, queues), split.runnable, finding);
  return wait;
}

}  // namespace

std::string wait_id(std::string_view kind) {
  return "WAIT-" + upper(kind);
}

std::string_view wait_title(std::string_view kind) {
  const ClassText* text = class_text(kind);
  return text != nullptr ? text->title : "waiting for something that could not be told";
}

Finding run_queue_texts() {
  Finding finding;
  finding.id = "RUNQ";
  finding.title = "waiting for a CPU";
  finding.area = "kernel";
  finding.means =
      "Backends were ready to run and had to wait for a CPU: it was taken by other backends or "
      "other processes of the host, or withheld by a container's quota. Every query gets slower by "
      "the time it queues, locks are held longer, and no wait event stands for it: "
      "pg_stat_activity "
      "lists these backends as active, without a wait event or still with the one they were woken "
      "from.";
  finding.actions = {
      "Limit the number of active backends with a pooler, to about one or two per CPU.",
      "Reduce the CPU the queries need: the findings about CPU say where it goes.",
      "Look for other processes on the host, a CPU quota of the cgroup, or steal time of the VM."};
  finding.confirm =
      "-- column r: runnable processes; some avg10: share of time that one had to queue; in a "
      "container nr_throttled:\n\\! vmstat 1 5\n\\! cat /proc/pressure/cpu\n"
      "\\! cat /sys/fs/cgroup/cpu.stat";
  finding.refute =
      "vmstat's r stays below the number of CPUs while the load runs, and nr_throttled does not "
      "grow.";
  return finding;
}

std::vector<WaitFinding> find_waits(const Analysis& analysis,
                                    const TimeSplit& split,
                                    const Options& options) {
  std::map<std::string, ClassUse> classes;
  for (const WaitUse& wait : split.waits) {
    ClassUse& use = classes[wait.kind];
    use.nanoseconds += wait.nanoseconds;
    use.intervals += wait.intervals;
    use.from_stack = use.from_stack || wait.from_stack;
    use.events.push_back(Counted{wait.name, wait.nanoseconds});
  }
  std::vector<WaitFinding> findings;
  for (const auto& [kind, use] : classes) {
    const ClassText* text = class_text(kind);
    if (text == nullptr) continue;
    if (auto found = find_class(analysis, split, *text, use, options))
      findings.push_back(*std::move(found));
  }
  if (auto found = find_starvation(analysis, split, options)) findings.push_back(*std::move(found));
  return findings;
}

bool is_wait_finding(std::string_view id) {
  return std::ranges::any_of(kClasses,
                             [&](const ClassText& text) { return id == wait_id(text.kind); });
}

}  // namespace pgflame::diagnose
