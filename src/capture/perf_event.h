// Opening the event whose overflow takes the on-CPU samples.
#pragma once

#include <cstdint>
#include <span>

#include "src/base/error.h"
#include "src/base/file.h"
#include "src/profile/profile.h"

struct perf_event_attr;

namespace pgflame::capture {

// Which sampling event works here: hardware cycles where there is a PMU, else cpu-clock.
pgflame::Event choose_sampling_event(double rate_hz);

// Attributes for it: disabled, the rate set.
perf_event_attr sampling_attributes(const pgflame::Event& event);

// How many samples of the targets were never taken on a CPU, although its timer should have fired
// `expected` times and did `seen` times, `of_targets` of them in a target: the missing firings are
// taken to hit targets as often as the others. Less than 2 % is nothing: timers are late at times.
uint64_t skipped_samples(uint64_t expected, uint64_t seen, uint64_t of_targets);

// On one CPU, for whatever runs there.
Result<FileHandle> open_on_cpu(const perf_event_attr& attributes, int cpu);

}  // namespace pgflame::capture
