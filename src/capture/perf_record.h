// Records of perf_event rings, as the kernel writes them for the attributes that the perf sampler
// asks for (linux/perf_event.h, "enum perf_event_type").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "src/capture/event.h"

namespace pgflame::capture {

// An event that owns its addresses, so that it can wait for its turn.
struct PerfRecord {
  Event event;  // spans are empty; kernel and user say where they are in `addresses`
  std::vector<uint64_t> addresses;
  size_t kernel_count = 0;
  // What is needed to walk the user stack again; empty when it was not asked for, or not there.
  uint64_t abi = 0;
  std::vector<uint64_t> registers;
  std::vector<uint8_t> stack;
};

struct PerfLosses {
  uint64_t lost = 0;       // samples that found no room in the ring
  uint64_t throttled = 0;  // times the kernel throttled the event
  uint64_t bad = 0;        // records that are not what they should be
};

// One record, header included. Nothing for kinds that tell us nothing; those that report losses
// are added up. `register_mask` is the sample_regs_user of the event: where it is not 0 samples
// carry user registers and a copy of the user stack.
std::optional<PerfRecord> decode_perf_record(std::span<const std::byte> record,
                                             PerfLosses& losses,
                                             uint64_t register_mask = 0);

}  // namespace pgflame::capture
