#include "src/diagnose/verdict.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "src/diagnose/evidence.h"
#include "src/diagnose/figures.h"
#include "src/diagnose/findings.h"
#include "src/diagnose/measure.h"
#include "src/diagnose/quality.h"
#include "src/diagnose/wait_findings.h"
#include "src/diagnose/wording.h"

namespace pgflame::diagnose {
namespace {

struct Part {
  std::string_view words;
  double share;
};

constexpr uint64_t kFew = 30;

// "largest part (46 %) is tuple deforming"; empty when no pattern is recognised.
std::string largest_part(const Analysis& analysis) {
  RuleIndex most = 0;
  for (RuleIndex rule = 0; rule < analysis.book().rules().size(); ++rule) {
    if (analysis.own(rule).weight > analysis.own(most).weight) most = rule;
  }
  const Analysis::Sum& own = analysis.own(most);
  if (own.weight == 0) return {};
  return fmt::format("largest part ({}) is {}",
                     short_percent(ratio(own.weight, analysis.weight())),
                     analysis.book().rules()[most].title);
}

std::string without_finding(const Analysis& analysis) {
  if (analysis.samples() < kFew)
    return fmt::format("too few samples on a CPU ({}) to tell what ran there.", analysis.samples());
  const std::string largest = largest_part(analysis);
  if (largest.empty()) return "no pattern is recognised in the CPU time.";
  return fmt::format("no pattern in the CPU time is a finding; its {}.", largest);
}

// "Counts of page-faults, not time: 1 234 567 page-faults in 12 345 samples, 41 152 a second. ..."
std::string about_events(const Analysis& analysis) {
  const Recording& recording = analysis.profile().recording;
  const std::string what = measure_of(recording.event).whole;
  std::string text =
      fmt::format("Counts of {}, not time: {}",
                  what,
                  events_in_samples(recording.event, analysis.weight(), analysis.samples()));
  if (recording.duration_ns > 0)
    text += fmt::format(", {} a second",
                        figure(static_cast<double>(analysis.weight()) * 1e9 /
                               static_cast<double>(recording.duration_ns)));
  if (const std::string largest = largest_part(analysis);
      !largest.empty() && analysis.samples() >= kFew)
    text += fmt::format("; their {}", largest);
  return text + ". Where time went, on a CPU or waiting, cannot be told from them.";
}

// "46 % of the CPU time (±2) is tuple deforming, nearly all of it for query 42."
std::string about_cpu(const Analysis& analysis, const std::vector<Finding>& findings) {
  // Findings about waits have no frames.
  const auto first =
      std::ranges::find_if(findings, [](const Finding& f) { return !f.frames.empty(); });
  if (first == findings.end()) return without_finding(analysis);
  std::string text = fmt::format("{} of the CPU time (±{:.0f}) is {}",
                                 short_percent(first->share.share),
                                 (first->share.high - first->share.low) * 50,
                                 first->title);
  if (first->query_id)
    text += fmt::format(", nearly all of it for query {}", static_cast<int64_t>(*first->query_id));
  const auto rival = std::ranges::find(findings, first->tied_with, &Finding::id);
  if (!first->tied_with.empty() && rival != findings.end())
    text += fmt::format("; as much ({} ±{:.0f}) is {}, a tie at this number of samples",
                        short_percent(rival->share.share),
                        (rival->share.high - rival->share.low) * 50,
                        rival->title);
  return text + ".";
}

std::string busy_with_it(const Analysis& analysis) {
  const Recording& recording = analysis.profile().recording;
  const uint64_t ns = cpu_nanoseconds(recording, analysis.weight(), analysis.samples());
  if (ns == 0 || recording.duration_ns <= 0) return {};
  const double cores = ratio(ns, static_cast<uint64_t>(recording.duration_ns));
  return busy_cores(cores, recording.cpus) + " were busy with it. ";
}

// Waits for other backends that are no heavyweight locks. From 19 on locks and pins of pages are of
// class Buffer; before, the locks are lightweight ones.
constexpr std::array<std::string_view, 4> kLight{"LWLock", "Buffer", "BufferPin", "Spin"};

uint64_t light_waits(const TimeSplit& split) {
  uint64_t sum = 0;
  for (const std::string_view kind : kLight)
    sum += split.waiting(kind);
  return sum;
}

std::string largest_of_locks(const TimeSplit& split) {
  if (split.waiting("Lock") >= light_waits(split)) return "WAIT-LOCK";
  const std::string_view most = *std::ranges::max_element(
      kLight, {}, [&](std::string_view kind) { return split.waiting(kind); });
  return wait_id(most);
}

uint64_t lock_waits(const TimeSplit& split) {
  return split.waiting("Lock") + light_waits(split);
}

VerdictClass classify(const TimeSplit& split) {
  const uint64_t active = split.active();
  if (ratio(split.running, active) > 0.6) return VerdictClass::kCpuBound;
  if (ratio(split.runnable, active) > 0.25) return VerdictClass::kCpuStarved;
  if (ratio(split.waiting("IO"), active) > 0.3) return VerdictClass::kDiskBound;
  if (ratio(lock_waits(split), active) > 0.3) return VerdictClass::kContentionBound;
  if (ratio(split.waiting("Client"), active) > 0.3) return VerdictClass::kClientBound;
  return VerdictClass::kMixed;
}

std::vector<Part> parts_of(const TimeSplit& split) {
  const uint64_t active = split.active();
  std::vector<Part> parts{
      {"running on a CPU", ratio(split.running, active)},
      {"waiting for a CPU", ratio(split.runnable, active)},
  };
  std::set<std::string_view> kinds;
  for (const WaitUse& wait : split.waits) {
    if (kinds.insert(wait.kind).second)
      parts.push_back({wait_title(wait.kind), ratio(split.waiting(wait.kind), active)});
  }
  std::ranges::stable_sort(parts, std::greater{}, &Part::share);
  return parts;
}

std::string first_wait(const std::vector<Finding>& findings, std::string_view id) {
  const auto found = std::ranges::find(findings, id, &Finding::id);
  return found == findings.end() ? std::string() : " " + found->seen;
}

std::string triage_text(VerdictClass kind,
                        const Analysis& analysis,
                        const TimeSplit& split,
                        const std::vector<Finding>& findings) {
  const uint64_t active = split.active();
  const auto share = [&](uint64_t ns) { return short_percent(ratio(ns, active)); };
  switch (kind) {
    case VerdictClass::kCpuBound:
      return fmt::format("CPU-bound: {} of active backend time is on CPU; {}",
                         share(split.running),
                         about_cpu(analysis, findings));
    case VerdictClass::kCpuStarved:
      return fmt::format(
          "CPU-starved: {} of active backend time is spent waiting for a CPU, {} on one; {}",
          share(split.runnable),
          share(split.running),
          about_cpu(analysis, findings));
    case VerdictClass::kDiskBound:
      return fmt::format("Disk-bound: {} of active backend time waits for files.{}",
                         share(split.waiting("IO")),
                         first_wait(findings, "WAIT-IO"));
    case VerdictClass::kContentionBound:
      return fmt::format(
          "Contention-bound: {} of active backend time waits for other backends ({} heavyweight "
          "locks, {} lightweight ones, {} pages that they lock or pin).{}",
          share(lock_waits(split)),
          share(split.waiting("Lock")),
          share(split.waiting("LWLock") + split.waiting("Spin")),
          share(split.waiting("Buffer") + split.waiting("BufferPin")),
          first_wait(findings, largest_of_locks(split)));
    case VerdictClass::kClientBound:
      return fmt::format(
          "Client-bound: {} of active backend time waits for the application to send or take data.",
          share(split.waiting("Client")));
    default: {
      const std::vector<Part> parts = parts_of(split);
      return fmt::format("Mixed: active backends spent {} of their time {} and {} {}; {}",
                         short_percent(parts[0].share),
                         parts[0].words,
                         short_percent(parts[1].share),
                         parts[1].words,
                         about_cpu(analysis, findings));
    }
  }
}

}  // namespace

Verdict pronounce(const Analysis& analysis,
                  const TimeSplit& split,
                  const Quality& quality,
                  const std::vector<Finding>& findings) {
  const bool has_waits = analysis.profile().recording.has_waits;
  const bool timed = analysis.profile().recording.event.is_cpu_time;
  if (timed && (split.samples == 0 || (!has_waits && analysis.samples() == 0)))
    return {VerdictClass::kIdle, "Idle: no backend ran while the samples were taken."};
  // Below one sample in a hundred of the backends' time there is nothing to explain.
  if (timed && has_waits && ratio(split.active(), split.active() + split.idle) < 0.01)
    return {VerdictClass::kIdle,
            fmt::format("Idle: backends were active for {} of their time.",
                        short_percent(ratio(split.active(), split.active() + split.idle)))};
  if (!carries_findings(quality))
    return {VerdictClass::kWithheld,
            fmt::format("Withheld: these samples cannot carry a diagnosis, because {}. To mend it: "
                        "{}.",
                        quality.reasons.empty() ? "of their quality" : quality.reasons.front(),
                        quality.remedy)};
  if (!timed) return {VerdictClass::kEventsOnly, about_events(analysis)};
  if (!has_waits)
    return {VerdictClass::kOnCpuOnly,
            fmt::format("On-CPU samples only: {}{} How long backends waited for locks, disks, the "
                        "client or a CPU was not captured.",
                        busy_with_it(analysis),
                        capitalised(about_cpu(analysis, findings)))};
  const VerdictClass kind = classify(split);
  return {kind, triage_text(kind, analysis, split, findings)};
}

std::string_view name_of(VerdictClass kind) {
  switch (kind) {
    case VerdictClass::kCpuBound:
      return "cpu-bound";
    case VerdictClass::kCpuStarved:
      return "cpu-starved";
    case VerdictClass::kDiskBound:
      return "disk-bound";
    case VerdictClass::kContentionBound:
      return "contention-bound";
    case VerdictClass::kClientBound:
      return "client-bound";
    case VerdictClass::kMixed:
      return "mixed";
    case VerdictClass::kOnCpuOnly:
      return "on-cpu-only";
    case VerdictClass::kEventsOnly:
      return "events-only";
    case VerdictClass::kIdle:
      return "idle";
    case VerdictClass::kWithheld:
      return "withheld";
  }
  return "";
}

}  // namespace pgflame::diagnose
