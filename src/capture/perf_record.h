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
};

struct PerfLosses {
  uint64_t lost = 0;       // samples that found no room in the ring
  uint64_t throttled = 0;  // times the kernel throttled the event
  uint64_t bad = 0;        // records that are not what they should be
};

// One record, header included. Nothing for kinds that tell us nothing; those that report losses
// are added up.
std::optional<PerfRecord> decode_perf_record(std::span<const std::byte> record, PerfLosses& losses);

}  // namespace pgflame::capture
