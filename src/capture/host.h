// The host around the backends, second by second, from /proc.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "src/profile/profile.h"

namespace pgflame::capture {

// Counters that only grow, but for `runnable` and `cpu_mhz`.
struct HostCounters {
  uint64_t cpu_total = 0;  // ticks of all CPUs
  uint64_t cpu_idle = 0;   // waiting for a disk included
  uint64_t cpu_steal = 0;
  uint32_t runnable = 0;
  uint64_t switches = 0;
  uint64_t major_faults = 0;
  uint32_t cpu_mhz = 0;  // now, the mean of the CPUs; 0 unknown
  // Microseconds in which some task waited for cpu, io, memory; nothing on kernels without PSI.
  std::array<std::optional<uint64_t>, 3> pressure_us;
};

// The texts of /proc/stat and /proc/vmstat, and of /proc/pressure/{cpu,io,memory}.
HostCounters parse_host_counters(std::string_view stat,
                                 std::string_view vmstat,
                                 const std::array<std::string_view, 3>& pressure);

HostCounters read_host_counters();

// Seconds that each online CPU was neither idle nor stolen since boot, by its number; from
// /proc/stat, in ticks.
std::map<uint32_t, double> busy_seconds_by_cpu();
std::map<uint32_t, double> parse_busy_seconds(std::string_view stat, double ticks_per_second);

// What happened between two readings that lie `seconds` apart.
HostSecond host_second(const HostCounters& before,
                       const HostCounters& after,
                       double seconds,
                       uint32_t second);

}  // namespace pgflame::capture
