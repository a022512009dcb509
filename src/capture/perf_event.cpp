#include "src/capture/perf_event.h"

#include <algorithm>
#include <cerrno>
#include <cmath>

#include <linux/perf_event.h>
#include <sys/syscall.h>

#include <fmt/format.h>
#include <unistd.h>

#include "src/base/text.h"
#include "src/capture/privileges.h"

namespace pgflame::capture {
namespace {

int open_event(const perf_event_attr& attributes, int pid, int cpu) {
  perf_event_attr copy = attributes;
  return static_cast<int>(
      ::syscall(SYS_perf_event_open, &copy, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC));
}

std::string paranoid_level() {
  const auto text = read_file("/proc/sys/kernel/perf_event_paranoid", 64);
  return text ? std::string(trim(*text)) : std::string("unknown");
}

}  // namespace

pgflame::Event choose_sampling_event(double rate_hz) {
  pgflame::Event event;
  event.rate_hz = std::max(1.0, std::round(rate_hz));  // the kernel takes whole numbers
  event.name = "cycles";
  event.unit = WeightUnit::kCycles;
  const FileHandle probe(open_event(sampling_attributes(event), -1, 0));
  if (probe.valid()) return event;
  event.name = "cpu-clock";
  event.unit = WeightUnit::kNanoseconds;
  return event;
}

perf_event_attr sampling_attributes(const pgflame::Event& event) {
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  const bool cycles = event.unit == WeightUnit::kCycles;
  attributes.type = cycles ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE;
  attributes.config = cycles ? static_cast<uint64_t>(PERF_COUNT_HW_CPU_CYCLES)
                             : static_cast<uint64_t>(PERF_COUNT_SW_CPU_CLOCK);
  attributes.freq = 1;
  attributes.sample_freq = static_cast<uint64_t>(event.rate_hz);
  attributes.disabled = 1;
  return attributes;
}

Result<FileHandle> open_on_cpu(const perf_event_attr& attributes, int cpu) {
  FileHandle handle(open_event(attributes, -1, cpu));
  if (handle.valid()) return handle;
  const int reason = errno;
  if (reason == EACCES || reason == EPERM) {
    return fail(permission_error(
        fmt::format("the kernel refused perf_event_open (kernel.perf_event_paranoid is {})",
                    paranoid_level())));
  }
  return fail(system_error(fmt::format("cannot open the sampling event on CPU {}", cpu), reason));
}

}  // namespace pgflame::capture
