#include "src/capture/choose_sampler.h"

#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

namespace pgflame::capture {

namespace {

struct Kind {
  SamplerChoice choice;
  std::string_view option;
  std::string_view name;
  Result<std::unique_ptr<Sampler>> (*make)(const SamplerSettings&);
};
constexpr std::array kBestFirst{
    Kind{SamplerChoice::kBpf, "bpf", "BPF", make_bpf_sampler},
    Kind{SamplerChoice::kBcc, "bcc", "bcc", make_bcc_sampler},
    Kind{SamplerChoice::kPerf, "perf", "perf_event", make_perf_sampler},
};

// All backends of a cluster map nearly the same: a few are enough.
std::vector<int32_t> some_members(const Targets& targets) {
  constexpr size_t kOfEach = 64;
  std::vector<int32_t> pids;
  for (const RunningCluster& running : targets.clusters) {
    pids.push_back(running.cluster.postmaster);
    const auto some = std::span(running.members).first(std::min(kOfEach, running.members.size()));
    pids.insert(pids.end(), some.begin(), some.end());
  }
  return pids;
}

SamplerSettings settings_from(const Options& options, const Targets& targets) {
  SamplerSettings settings;
  settings.rate_hz = options.rate_hz;
  settings.waits = options.mode != Mode::kCpu;
  settings.unwind = options.unwind;
  settings.verify_unwind = options.verify_unwind;
  settings.filters = options.filter.active() || !targets.backends.empty();
  settings.only_query = options.filter.query_id.value_or(0);
  settings.cache_dir = options.cache_dir;
  settings.table_rows = rows_for(some_members(targets));
  for (const RunningCluster& running : targets.clusters)
    settings.postmasters.push_back(running.cluster.postmaster);
  return settings;
}

ChosenSampler describe(std::unique_ptr<Sampler> sampler,
                       const Kind& kind,
                       const Options& options,
                       std::vector<Error> obstacles) {
  ChosenSampler chosen;
  chosen.sampler = std::move(sampler);
  chosen.kind = kind.choice;
  chosen.reason = why_this_sampler(kind.choice, options.sampler == kind.choice, obstacles);
  if (kind.choice == SamplerChoice::kPerf) chosen.notes = beyond_perf(options);
  chosen.obstacles = std::move(obstacles);
  return chosen;
}

}  // namespace

Result<ChosenSampler> choose_sampler(const Options& options,
                                     const Targets& targets,
                                     std::vector<Error> obstacles) {
  const bool any = options.sampler == SamplerChoice::kAuto;
  const SamplerSettings settings = settings_from(options, targets);
  for (size_t i = obstacles.size(); i < kBestFirst.size(); ++i) {
    const Kind& kind = kBestFirst[i];
    if (!any && kind.choice != options.sampler) continue;
    auto made = kind.make(settings);
    if (made) return describe(std::move(*made), kind, options, std::move(obstacles));
    if (!any || kind.choice == SamplerChoice::kPerf) return fail(std::move(made).error());
    obstacles.push_back(std::move(made).error());
  }
  return fail(ErrorKind::kUnsupported, "no sampler works here");
}

std::vector<std::string> beyond_perf(const Options& options) {
  std::vector<std::string> notes;
  if (options.mode == Mode::kWall) {
    notes.emplace_back(
        "The perf_event sampler sees CPU time only; waiting time needs the bpf or the bcc "
        "sampler.");
  }
  if (options.verify_unwind > 0) {
    notes.emplace_back(
        "No stack was walked a second time: --verify-unwind compares walks that are made in the "
        "kernel, and the perf_event sampler makes none there; record with --sampler bpf.");
  }
  return notes;
}

std::string why_this_sampler(SamplerChoice kind,
                             bool asked_for,
                             const std::vector<Error>& obstacles) {
  const Kind& chosen = kBestFirst[static_cast<size_t>(kind) - 1];
  if (asked_for)
    return fmt::format(
        "The {} sampler was asked for with --sampler {}.", chosen.name, chosen.option);
  if (obstacles.empty())
    return fmt::format("The {} sampler is the best one, and it works here.", chosen.name);
  std::string reasons;
  for (size_t i = 0; i < obstacles.size(); ++i) {
    const Error& obstacle = obstacles[i];
    reasons += kBestFirst[i].option;
    const bool same_for_next = i + 1 < obstacles.size() && obstacles[i + 1].what == obstacle.what;
    if (same_for_next) {
      reasons += " and ";
      continue;
    }
    reasons += ": " + obstacle.what;
    if (!obstacle.hint.empty()) reasons += fmt::format(" ({})", obstacle.hint);
    if (i + 1 < obstacles.size()) reasons += "; ";
  }
  return fmt::format("The {} sampler had to do. {}.", chosen.name, reasons);
}

}  // namespace pgflame::capture
