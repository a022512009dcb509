#include "src/input/perf_event.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/profile/event_choice.h"

namespace pgflame::input {
namespace {

constexpr uint32_t kTypeHardware = 0;
constexpr uint32_t kTypeSoftware = 1;
constexpr uint64_t kFlagFrequency = 1ULL << 10;
constexpr uint64_t kFlagSampleIdAll = 1ULL << 18;

// PERF_COUNT_HW_* and PERF_COUNT_SW_*, spelled as perf does.
constexpr std::array<const char*, 10> kHardwareNames{"cycles",
                                                     "instructions",
                                                     "cache-references",
                                                     "cache-misses",
                                                     "branches",
                                                     "branch-misses",
                                                     "bus-cycles",
                                                     "stalled-cycles-frontend",
                                                     "stalled-cycles-backend",
                                                     "ref-cycles"};
constexpr std::array<const char*, 12> kSoftwareNames{"cpu-clock",
                                                     "task-clock",
                                                     "page-faults",
                                                     "context-switches",
                                                     "cpu-migrations",
                                                     "minor-faults",
                                                     "major-faults",
                                                     "alignment-faults",
                                                     "emulation-faults",
                                                     "dummy",
                                                     "bpf-output",
                                                     "cgroup-switches"};

// The flags are C bit fields: a writer of the other byte order fills each byte from its other end.
uint64_t read_flags(Bytes bytes, bool swapped) {
  uint64_t flags = 0;
  for (size_t i = 0; i < 8 && i < bytes.size(); ++i) {
    uint8_t byte = bytes[i];
    if (swapped) {
      byte = static_cast<uint8_t>((byte * 0x0202020202ULL & 0x010884422010ULL) % 1023);
    }
    flags |= uint64_t{byte} << (8 * i);
  }
  return flags;
}

bool is_hardware(const PerfEvent& event, uint64_t config) {
  // Hybrid machines keep the PMU's number in the upper half of config.
  return event.type == kTypeHardware && (event.config & 0xffffffffU) == config;
}

}  // namespace

std::optional<PerfEvent> parse_event(Bytes bytes, bool swapped) {
  constexpr size_t kFirstVersion = 64;
  constexpr size_t kNewestKnown = 136;
  if (bytes.size() < kFirstVersion) return std::nullopt;
  std::array<uint8_t, kNewestKnown> padded{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), padded.size()), padded.begin());
  const Bytes all(padded);
  const auto u32_at = [&](size_t at) { return *Cursor(all.subspan(at), swapped).u32(); };
  const auto u64_at = [&](size_t at) { return *Cursor(all.subspan(at), swapped).u64(); };
  const auto u16_at = [&](size_t at) { return *Cursor(all.subspan(at), swapped).u16(); };

  PerfEvent event;
  event.type = u32_at(0);
  event.config = u64_at(8);
  event.period = u64_at(16);
  event.sample_type = u64_at(24);
  event.layout = SampleLayout(event.sample_type);
  event.read_format = u64_at(32);
  const uint64_t flags = read_flags(all.subspan(40, 8), swapped);
  event.frequency = (flags & kFlagFrequency) != 0;
  event.sample_id_all = (flags & kFlagSampleIdAll) != 0;
  event.branch_type = u64_at(72);
  event.user_registers = u64_at(80);
  event.max_stack = u16_at(108);
  event.name = default_name(event);
  return event;
}

SampleLayout::SampleLayout(uint64_t sample_type) {
  const auto field = [&](uint64_t bit) { return (sample_type & bit) != 0 ? size++ : kAbsent; };
  event_id = field(kFieldIdentifier);
  ip = field(kFieldIp);
  tid = field(kFieldTid);
  time = field(kFieldTime);
  field(kFieldAddress);
  const uint8_t id = field(kFieldId);
  if (event_id == kAbsent) event_id = id;
  field(kFieldStreamId);
  field(kFieldCpu);
  period = field(kFieldPeriod);
}

std::string default_name(const PerfEvent& event) {
  if (event.type == kTypeHardware && event.config < kHardwareNames.size()) {
    return kHardwareNames[event.config];
  }
  if (event.type == kTypeSoftware && event.config < kSoftwareNames.size()) {
    return kSoftwareNames[event.config];
  }
  return fmt::format("type {} config {:#x}", event.type, event.config);
}

int cpu_time_rank(const PerfEvent& event) {
  constexpr uint64_t kRefCycles = 9;
  constexpr uint64_t kTaskClock = 1;
  if (event.type == kTypeSoftware && event.config <= kTaskClock) {
    return event.config == kTaskClock ? 5 : 6;
  }
  if (is_hardware(event, 0)) return 4;
  if (is_hardware(event, kRefCycles)) return 3;
  if (is_hardware(event, 1)) return 1;  // instructions: better than faults or tracepoints
  return event.type == kTypeSoftware ? 0 : cpu_time_rank(event.name);
}

int cpu_time_rank(std::string_view name) {
  name = without_modifiers(name);
  if (name == "cpu-clock") return 6;
  if (name == "task-clock") return 5;
  if (name == "cycles" || name == "cpu-cycles") return 4;
  const bool of_some_unit = name.find("/cycles/") != std::string_view::npos ||
                            name.find("/cpu-cycles/") != std::string_view::npos ||
                            name.starts_with("cycles") || name.starts_with("cpu_clk_unhalted") ||
                            name.find("cpu_cycles") != std::string_view::npos;
  if (of_some_unit) return 2;
  return name == "instructions" ? 1 : 0;
}

WeightUnit weight_unit(int cpu_time_rank) {
  if (cpu_time_rank >= 5) return WeightUnit::kNanoseconds;
  return is_cpu_time(cpu_time_rank) ? WeightUnit::kCycles : WeightUnit::kOther;
}

bool is_cpu_time(int cpu_time_rank) {
  return cpu_time_rank >= 2;
}

std::vector<std::string> event_names(const std::vector<PerfEvent>& events) {
  std::vector<std::string> names;
  for (const PerfEvent& event : events) {
    if (std::ranges::find(names, event.name) == names.end()) names.push_back(event.name);
    constexpr size_t kShown = 1000;
    if (names.size() == kShown) break;
  }
  return names;
}

std::string note_on_others(const std::vector<std::pair<std::string, uint64_t>>& samples_by_event) {
  constexpr size_t kShown = 5;
  std::string text;
  for (size_t i = 0; i < std::min(kShown, samples_by_event.size()); ++i) {
    const auto& [name, samples] = samples_by_event[i];
    text += i == 0 ? counted(samples, "sample") : ", " + format_count(samples);
    text += " of " + name;
  }
  if (samples_by_event.size() > kShown) text += " and others";
  if (text.empty()) return text;
  const bool is_one = samples_by_event.size() == 1 && samples_by_event.front().second == 1;
  return fmt::format("{} {}{}{}{}",
                     text,
                     is_one ? "is" : "are",
                     kLeftInCapture,
                     kEventShows,
                     is_one ? "it" : "them");
}

Result<std::string> choose_event(const std::vector<PerfEvent>& events, const std::string& wanted) {
  if (events.empty()) {
    return fail(ErrorKind::kCorrupt, "the capture does not describe its events");
  }
  if (wanted.empty()) {
    return std::ranges::max_element(
               events, {}, [](const PerfEvent& event) { return cpu_time_rank(event); })
        ->name;
  }
  const std::vector<std::string> names = event_names(events);
  const auto found = find_event(names, wanted);
  if (!found) return fail(no_such_event(wanted, names));
  return names[*found];
}

}  // namespace pgflame::input
