// What a report says of a perf.data capture itself: the host, the event, the times, what was lost.
#pragma once

#include <cstdint>

#include "src/input/perf_assembler.h"
#include "src/input/perf_decoder.h"
#include "src/input/perf_header.h"
#include "src/profile/profile.h"

namespace pgflame::input {

// Nanoseconds from the capture's clock to Unix time; 0 unknown.
int64_t wall_offset(const PerfMeta& meta);

// Once all records are decoded and assembled. What is broken or cut in the streams themselves is
// the caller's to add.
void fill_recording(const PerfDecoder& decoder,
                    const PerfAssembler& assembler,
                    Recording& recording);

}  // namespace pgflame::input
