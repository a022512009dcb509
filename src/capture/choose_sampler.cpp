#include "src/capture/choose_sampler.h"

#include <fmt/format.h>

namespace pgflame::capture {

Result<ChosenSampler> choose_sampler(const Options& options, bool single_backends) {
  if (options.sampler == SamplerChoice::kBcc) {
    return fail(ErrorKind::kUnsupported,
                "the bcc sampler is not part of this build",
                "use --sampler bpf or --sampler perf");
  }
  SamplerSettings settings;
  settings.rate_hz = options.rate_hz;
  settings.waits = options.mode != Mode::kCpu;
  settings.unwind = options.unwind;
  settings.verify_unwind = options.verify_unwind;
  settings.filters = options.filter.active() || single_backends;
  settings.only_query = options.filter.query_id.value_or(0);
  ChosenSampler chosen;
  chosen.reason = "The perf_event sampler was asked for with --sampler perf.";
  if (options.sampler != SamplerChoice::kPerf) {
    auto bpf = make_bpf_sampler(settings);
    if (bpf) {
      chosen.sampler = std::move(*bpf);
      chosen.reason = options.sampler == SamplerChoice::kBpf
                          ? "The BPF sampler was asked for with --sampler bpf."
                          : "The BPF sampler is the best one, and it works here.";
      return chosen;
    }
    if (options.sampler == SamplerChoice::kBpf) return fail(std::move(bpf).error());
    chosen.reason = fmt::format(
        "The perf_event sampler had to do: {} ({}).", bpf.error().what, bpf.error().hint);
  }
  auto perf = make_perf_sampler(settings);
  if (!perf) return fail(std::move(perf).error());
  chosen.sampler = std::move(*perf);
  if (options.mode == Mode::kWall) {
    chosen.note = "The perf_event sampler sees CPU time only; waiting time needs the BPF sampler.";
  }
  return chosen;
}

}  // namespace pgflame::capture
