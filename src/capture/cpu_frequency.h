// How fast the CPUs run.
#pragma once

#include <cstdint>
#include <string>

namespace pgflame::capture {

// Where the kernel tells the frequency.
struct FrequencyFiles {
  std::string cpus = "/sys/devices/system/cpu";  // cpuN/cpufreq/scaling_cur_freq, in kHz
  std::string info = "/proc/cpuinfo";            // "cpu MHz", where there is no cpufreq
};

// Now, in MHz: the mean of a few CPUs, so that a large machine costs no more to ask. 0 where the
// kernel does not tell.
uint32_t read_cpu_mhz(const FrequencyFiles& files = {});

}  // namespace pgflame::capture
