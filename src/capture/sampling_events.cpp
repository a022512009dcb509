#include "src/capture/sampling_events.h"

#include <cerrno>

#include <linux/perf_event.h>
#include <sys/ioctl.h>

#include "src/capture/host.h"
#include "src/capture/perf_event.h"
#include "src/capture/proc.h"

namespace pgflame::capture {

SamplingEvents::SamplingEvents(double rate_hz) : event_(choose_sampling_event(rate_hz)) {}

Status SamplingEvents::start(int program) {
  const perf_event_attr attributes = sampling_attributes(event_);
  for (const int cpu : online_cpus()) {
    auto handle = open_on_cpu(attributes, cpu);
    if (!handle) return fail(std::move(handle).error());
    if (::ioctl(handle->get(), PERF_EVENT_IOC_SET_BPF, program) != 0)
      return fail(system_error("cannot attach the BPF program to the sampling event", errno));
    handles_.push_back(std::move(*handle));
  }
  for (const FileHandle& handle : handles_)
    ::ioctl(handle.get(), PERF_EVENT_IOC_ENABLE, 0);
  started_ns_ = monotonic_now();
  busy_before_ = busy_seconds_by_cpu();
  return {};
}

void SamplingEvents::stop() {
  for (const FileHandle& handle : handles_)
    ::ioctl(handle.get(), PERF_EVENT_IOC_DISABLE, 0);
  stopped_ns_ = monotonic_now();
  busy_after_ = busy_seconds_by_cpu();
}

uint64_t SamplingEvents::halve_rate() {
  constexpr double kLowestRate = 20;
  if (event_.unit != WeightUnit::kNanoseconds || event_.rate_hz < 2 * kLowestRate) return 0;
  event_.rate_hz /= 2;
  rate_changed_ = true;
  auto period = static_cast<uint64_t>(1e9 / event_.rate_hz);
  for (const FileHandle& handle : handles_)
    ::ioctl(handle.get(), PERF_EVENT_IOC_PERIOD, &period);
  return period;
}

uint64_t SamplingEvents::skipped(const std::vector<uint64_t>& seen,
                                 const std::vector<uint64_t>& of_targets) const {
  if (event_.unit != WeightUnit::kNanoseconds || rate_changed_) return 0;
  Firings firings;
  firings.rate_hz = event_.rate_hz;
  firings.seconds = static_cast<double>(stopped_ns_ - started_ns_) * 1e-9;
  uint64_t sum = 0;
  for (const auto& [cpu, busy] : busy_after_) {
    const auto before = busy_before_.find(cpu);
    if (cpu >= seen.size() || before == busy_before_.end()) continue;
    firings.busy_seconds = busy - before->second;
    firings.seen = seen[cpu];
    firings.of_targets = of_targets[cpu];
    sum += skipped_samples(firings);
  }
  return sum;
}

}  // namespace pgflame::capture
