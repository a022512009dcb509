// Records that say what processes exist, how they are called and what they have mapped.
#pragma once

#include <cstdint>
#include <optional>

#include "src/input/perf_batch.h"
#include "src/input/record_stream.h"

namespace pgflame::input {

// PERF_RECORD_* of the kernel.
enum KernelRecord : uint32_t {
  kRecordMmap = 1,
  kRecordLost = 2,
  kRecordComm = 3,
  kRecordThrottle = 5,
  kRecordFork = 7,
  kRecordSample = 9,
  kRecordMmap2 = 10,
  kRecordLostSamples = 13,
  kRecordCallchainDeferred = 22,
};

inline bool is_process_record(uint32_t type) {
  return type == kRecordMmap || type == kRecordMmap2 || type == kRecordComm || type == kRecordFork;
}

// `body`: the record without header and trailer. Nothing when it is too short, or about a guest.
std::optional<ProcessRecord> parse_process_record(const PerfRecord& record, Cursor body);

}  // namespace pgflame::input
