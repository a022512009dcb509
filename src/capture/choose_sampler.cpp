#include "src/capture/choose_sampler.h"

#include <fmt/format.h>

namespace pgflame::capture {

namespace {

SamplerSettings settings_from(const Options& options, bool single_backends) {
  SamplerSettings settings;
  settings.rate_hz = options.rate_hz;
  settings.waits = options.mode != Mode::kCpu;
  settings.unwind = options.unwind;
  settings.verify_unwind = options.verify_unwind;
  settings.filters = options.filter.active() || single_backends;
  settings.only_query = options.filter.query_id.value_or(0);
  return settings;
}

Result<ChosenSampler> perf_sampler(const Options& options,
                                   bool single_backends,
                                   std::string reason) {
  auto perf = make_perf_sampler(settings_from(options, single_backends));
  if (!perf) return fail(std::move(perf).error());
  ChosenSampler chosen;
  chosen.sampler = std::move(*perf);
  chosen.reason = std::move(reason);
  if (options.mode == Mode::kWall) {
    chosen.note = "The perf_event sampler sees CPU time only; waiting time needs the BPF sampler.";
  }
  return chosen;
}

}  // namespace

Result<ChosenSampler> choose_sampler(const Options& options, bool single_backends) {
  if (options.sampler == SamplerChoice::kBcc) {
    return fail(ErrorKind::kUnsupported,
                "the bcc sampler is not part of this build",
                "use --sampler bpf or --sampler perf");
  }
  if (options.sampler == SamplerChoice::kPerf) {
    return perf_sampler(
        options, single_backends, "The perf_event sampler was asked for with --sampler perf.");
  }
  auto bpf = make_bpf_sampler(settings_from(options, single_backends));
  if (!bpf && options.sampler == SamplerChoice::kBpf) return fail(std::move(bpf).error());
  if (!bpf) return instead_of_bpf(options, single_backends, bpf.error());
  ChosenSampler chosen;
  chosen.sampler = std::move(*bpf);
  chosen.is_bpf = true;
  chosen.reason = options.sampler == SamplerChoice::kBpf
                      ? "The BPF sampler was asked for with --sampler bpf."
                      : "The BPF sampler is the best one, and it works here.";
  return chosen;
}

Result<ChosenSampler> instead_of_bpf(const Options& options,
                                     bool single_backends,
                                     const Error& obstacle) {
  const std::string hint = obstacle.hint.empty() ? "" : fmt::format(" ({})", obstacle.hint);
  return perf_sampler(options,
                      single_backends,
                      fmt::format("The perf_event sampler had to do: {}{}.", obstacle.what, hint));
}

}  // namespace pgflame::capture
