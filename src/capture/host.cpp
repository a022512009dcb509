#include "src/capture/host.h"

#include <algorithm>
#include <string>

#include <unistd.h>

#include "src/base/file.h"
#include "src/base/text.h"
#include "src/capture/cpu_frequency.h"

namespace pgflame::capture {
namespace {

// The words of a line that starts with `name` and a blank, without the name.
std::vector<std::string_view> words_after(std::string_view text, std::string_view name) {
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ' ') continue;
    std::vector<std::string_view> words;
    for (const std::string_view word : split(line.substr(name.size()), ' ')) {
      if (!word.empty()) words.push_back(word);
    }
    return words;
  }
  return {};
}

uint64_t number_after(std::string_view text, std::string_view name) {
  const auto words = words_after(text, name);
  return words.empty() ? 0 : parse_u64(words.front()).value_or(0);
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345"
std::optional<uint64_t> pressure_total(std::string_view text) {
  constexpr std::string_view kTotal = "total=";
  for (const std::string_view word : words_after(text, "some")) {
    if (word.starts_with(kTotal)) return parse_u64(word.substr(kTotal.size()));
  }
  return std::nullopt;
}

std::string read_text(const std::string& path) {
  auto text = read_file(path, size_t{4} << 20);
  return text ? std::move(*text) : std::string();
}

uint64_t growth(uint64_t before, uint64_t after) {
  return after > before ? after - before : 0;
}

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0
                    : std::clamp(static_cast<double>(part) / static_cast<double>(whole), 0.0, 1.0);
}

}  // namespace

HostCounters parse_host_counters(std::string_view stat,
                                 std::string_view vmstat,
                                 const std::array<std::string_view, 3>& pressure) {
  HostCounters counters;
  // proc(5): user nice system idle iowait irq softirq steal; guest times are part of user's.
  const auto cpu = words_after(stat, "cpu");
  for (size_t i = 0; i < std::min<size_t>(cpu.size(), 8); ++i) {
    const uint64_t ticks = parse_u64(cpu[i]).value_or(0);
    counters.cpu_total += ticks;
    if (i == 3 || i == 4) counters.cpu_idle += ticks;
    if (i == 7) counters.cpu_steal = ticks;
  }
  counters.runnable =
      static_cast<uint32_t>(std::min<uint64_t>(number_after(stat, "procs_running"), UINT32_MAX));
  counters.switches = number_after(stat, "ctxt");
  counters.major_faults = number_after(vmstat, "pgmajfault");
  for (size_t i = 0; i < pressure.size(); ++i)
    counters.pressure_us[i] = pressure_total(pressure[i]);
  return counters;
}

HostCounters read_host_counters() {
  const std::string cpu = read_text("/proc/pressure/cpu");
  const std::string io = read_text("/proc/pressure/io");
  const std::string memory = read_text("/proc/pressure/memory");
  HostCounters counters =
      parse_host_counters(read_text("/proc/stat"), read_text("/proc/vmstat"), {cpu, io, memory});
  counters.cpu_mhz = read_cpu_mhz();
  return counters;
}

std::map<uint32_t, double> parse_busy_seconds(std::string_view stat, double ticks_per_second) {
  std::map<uint32_t, double> busy;
  for (const std::string_view line : split(stat, '\n')) {
    const auto words = split(line, ' ');
    const auto cpu = words[0].starts_with("cpu") ? parse_u64(words[0].substr(3)) : std::nullopt;
    if (!cpu || *cpu > UINT16_MAX) continue;
    uint64_t ticks = 0;  // user nice system, irq softirq
    for (const size_t column : {1U, 2U, 3U, 6U, 7U})
      ticks += column < words.size() ? parse_u64(words[column]).value_or(0) : 0;
    busy[static_cast<uint32_t>(*cpu)] = static_cast<double>(ticks) / ticks_per_second;
  }
  return busy;
}

std::map<uint32_t, double> busy_seconds_by_cpu() {
  return parse_busy_seconds(read_text("/proc/stat"), static_cast<double>(::sysconf(_SC_CLK_TCK)));
}

HostSecond host_second(const HostCounters& before,
                       const HostCounters& after,
                       double seconds,
                       uint32_t second) {
  HostSecond row;
  row.second = second;
  const uint64_t total = growth(before.cpu_total, after.cpu_total);
  const uint64_t idle = growth(before.cpu_idle, after.cpu_idle);
  row.cpu_busy = share(total - std::min(total, idle), total);
  row.cpu_steal = share(growth(before.cpu_steal, after.cpu_steal), total);
  row.runnable = after.runnable;
  const uint64_t mhz = uint64_t{before.cpu_mhz} + after.cpu_mhz;
  row.cpu_mhz = static_cast<uint32_t>(before.cpu_mhz > 0 && after.cpu_mhz > 0 ? mhz / 2 : mhz);
  row.switches = growth(before.switches, after.switches);
  row.major_faults = growth(before.major_faults, after.major_faults);
  const auto pressure = [&](size_t kind) {
    if (!before.pressure_us[kind] || !after.pressure_us[kind] || seconds <= 0) return -1.0;
    const uint64_t us = growth(*before.pressure_us[kind], *after.pressure_us[kind]);
    return std::clamp(static_cast<double>(us) / (seconds * 1e6), 0.0, 1.0);
  };
  row.psi_cpu = pressure(0);
  row.psi_io = pressure(1);
  row.psi_memory = pressure(2);
  return row;
}

}  // namespace pgflame::capture
