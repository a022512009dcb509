// What the BPF programs keep per process in their maps, read and written from user space.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bpf/sample_event.h"
#include "src/capture/tag_layout.h"
#include "src/capture/waits.h"
#include "src/profile/profile.h"

namespace pgflame::capture {

// What the switch program would know about a process if it had been there before. Processes that
// sleep for the whole recording never switch; this is all that is ever known about them. `row`: of
// the map `layouts`.
target first_state(int32_t pid, uint32_t row, const std::optional<TagLayout>& layout);

// The maps by file descriptor. Rows that come or go meanwhile may be missing.
WaitTimes read_wait_times(int intervals, int targets);

// Deletes the intervals of processes that are gone.
void forget_intervals(int intervals, const std::vector<int32_t>& pids);

// What a program has cost since the kernel counts it.
Cost cost_of(int program);

}  // namespace pgflame::capture
