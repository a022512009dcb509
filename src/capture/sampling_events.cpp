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
  expected_.start(event_.rate_hz, monotonic_now(), busy_seconds_by_cpu());
  return {};
}

void SamplingEvents::stop() {
  for (const FileHandle& handle : handles_)
    ::ioctl(handle.get(), PERF_EVENT_IOC_DISABLE, 0);
  expected_.change_rate(0, monotonic_now(), busy_seconds_by_cpu());
}

uint64_t SamplingEvents::halve_rate() {
  constexpr double kLowestRate = 20;
  if (event_.unit != WeightUnit::kNanoseconds || event_.rate_hz < 2 * kLowestRate) return 0;
  event_.rate_hz /= 2;
  auto period = static_cast<uint64_t>(1e9 / event_.rate_hz);
  for (const FileHandle& handle : handles_)
    ::ioctl(handle.get(), PERF_EVENT_IOC_PERIOD, &period);
  expected_.change_rate(event_.rate_hz, monotonic_now(), busy_seconds_by_cpu());
  return period;
}

std::optional<uint64_t> SamplingEvents::skipped(const std::vector<uint64_t>& seen,
                                                const std::vector<uint64_t>& of_targets) const {
  if (event_.unit != WeightUnit::kNanoseconds) return std::nullopt;
  return expected_.missing(seen, of_targets);
}

}  // namespace pgflame::capture
