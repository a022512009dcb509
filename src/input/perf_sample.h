// The fields of one PERF_RECORD_SAMPLE, and the trailer that carries time and event of the other
// records.
#pragma once

#include <cstdint>
#include <optional>

#include "src/input/perf_event.h"

namespace pgflame::input {

struct PerfSample {
  uint64_t ip = 0;
  int32_t pid = 0;
  int32_t tid = 0;
  uint64_t time = 0;  // 0: the record has none
  uint64_t period = 0;
  Bytes read_values;           // PERF_SAMPLE_READ, in the writer's byte order
  Bytes chain;                 // whole words, in the writer's byte order
  uint64_t register_abi = 0;   // PERF_SAMPLE_REGS_ABI_*; 0: no registers
  Bytes registers;             // whole words, in the writer's byte order
  Bytes stack;                 // user stack memory that was really copied
  bool has_user_dump = false;  // the event asks for registers and stack
};

// `body`: the record after its header. Nothing when a field does not fit the record.
std::optional<PerfSample> parse_sample(const PerfEvent& event, Cursor body);

// The event id of a sample, by the layout that all events of a file share as far as that.
std::optional<uint64_t> sample_event_id(const PerfEvent& any, Bytes body, bool swapped);

// What sample_id_all appends to every other kernel record.
struct RecordTrailer {
  size_t size = 0;
  uint64_t time = 0;  // 0: none
  int32_t tid = -1;
};
// Nothing when the record is too small for it.
std::optional<RecordTrailer> parse_trailer(const PerfEvent& event, Bytes body, bool swapped);

// One counter of a PERF_SAMPLE_READ block.
struct CounterValue {
  uint64_t id = 0;  // 0: the block has no ids
  uint64_t value = 0;
};
// Calls `visit` for each counter.
template <typename Visit>
void for_each_counter(const PerfEvent& event, Bytes read_values, bool swapped, Visit&& visit) {
  Cursor cursor(read_values, swapped);
  const auto word = [&] { return cursor.u64().value_or(0); };
  const bool group = (event.read_format & kReadGroup) != 0;
  const uint64_t count = group ? word() : 1;
  CounterValue single;
  if (!group) single.value = word();
  if ((event.read_format & kReadEnabled) != 0) word();
  if ((event.read_format & kReadRunning) != 0) word();
  for (uint64_t i = 0; i < count && (!group || cursor.remaining() >= 8); ++i) {
    CounterValue counter = single;
    if (group) counter.value = word();
    if ((event.read_format & kReadId) != 0) counter.id = word();
    if ((event.read_format & kReadLost) != 0) word();
    visit(counter);
  }
}

}  // namespace pgflame::input
