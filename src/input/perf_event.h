// One event of a perf.data file: what the kernel was asked to sample and which fields its records
// have. Layouts: include/uapi/linux/perf_event.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/error.h"
#include "src/input/bytes.h"
#include "src/profile/profile.h"

namespace pgflame::input {

// Bits of perf_event_attr.sample_type.
enum SampleField : uint64_t {
  kFieldIp = 1ULL << 0,
  kFieldTid = 1ULL << 1,
  kFieldTime = 1ULL << 2,
  kFieldAddress = 1ULL << 3,
  kFieldRead = 1ULL << 4,
  kFieldCallchain = 1ULL << 5,
  kFieldId = 1ULL << 6,
  kFieldCpu = 1ULL << 7,
  kFieldPeriod = 1ULL << 8,
  kFieldStreamId = 1ULL << 9,
  kFieldRaw = 1ULL << 10,
  kFieldBranchStack = 1ULL << 11,
  kFieldUserRegisters = 1ULL << 12,
  kFieldUserStack = 1ULL << 13,
  kFieldIdentifier = 1ULL << 16,
};

// Bits of perf_event_attr.read_format.
enum ReadField : uint64_t {
  kReadEnabled = 1U << 0,
  kReadRunning = 1U << 1,
  kReadId = 1U << 2,
  kReadGroup = 1U << 3,
  kReadLost = 1U << 4,
};

// Where a sample has its fields up to PERIOD, in words of 8 bytes from its start.
struct SampleLayout {
  static constexpr uint8_t kAbsent = UINT8_MAX;
  uint8_t ip = kAbsent;
  uint8_t tid = kAbsent;
  uint8_t time = kAbsent;
  uint8_t period = kAbsent;
  uint8_t event_id = kAbsent;
  uint8_t size = 0;

  SampleLayout() = default;
  explicit SampleLayout(uint64_t sample_type);
};

struct PerfEvent {
  uint32_t type = 0;    // PERF_TYPE_*
  uint64_t config = 0;  // which event of that type
  uint64_t period = 0;  // a frequency when `frequency` is set
  bool frequency = false;
  bool sample_id_all = false;
  uint64_t sample_type = 0;  // SampleField bits
  SampleLayout layout;       // that follows from them
  uint64_t read_format = 0;  // ReadField bits
  uint64_t branch_type = 0;
  uint64_t user_registers = 0;  // mask
  uint32_t max_stack = 0;       // 0: the kernel's default of 127
  std::vector<uint64_t> ids;
  std::string name;  // as given in the file, else as perf would call it

  bool has(uint64_t fields) const { return (sample_type & fields) == fields; }
};

// Reads a perf_event_attr of which `bytes` holds what the file has; later fields default to 0.
// Nothing when not even the first published version (64 bytes) is there.
std::optional<PerfEvent> parse_event(Bytes bytes, bool swapped);

// "cpu-clock", "cycles", ... by type and config; "type 8 config 0x1" for others.
std::string default_name(const PerfEvent& event);

// How well an event stands for CPU time: higher is better, 0 not at all.
int cpu_time_rank(const PerfEvent& event);
int cpu_time_rank(std::string_view name);

WeightUnit weight_unit(int cpu_time_rank);
// False for events that only happen while code runs (instructions, faults).
bool is_cpu_time(int cpu_time_rank);

// The names of all events, each once, in file order.
std::vector<std::string> event_names(const std::vector<PerfEvent>& events);

// "12 samples of cycles, 3 of page-faults are in the capture and not in this report": what the
// reader of a report about one event must know. Empty when there are none.
std::string note_on_others(const std::vector<std::pair<std::string, uint64_t>>& samples_by_event);

// The name of the event whose samples are wanted: the one the user asked for, with or without its
// modifiers ("cycles" for "cycles:u"), or the one that means CPU time.
Result<std::string> choose_event(const std::vector<PerfEvent>& events, const std::string& wanted);

}  // namespace pgflame::input
