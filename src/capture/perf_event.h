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

// One CPU's timer during a recording.
struct Firings {
  double rate_hz = 0;
  double seconds = 0;
  double busy_seconds = 0;  // not idle and not stolen: an idle CPU's timer may sleep with it
  uint64_t seen = 0;        // while the CPU was busy
  uint64_t of_targets = 0;  // of them in a target
};

// How many samples of the targets were never taken on a CPU: the missing firings are taken to hit
// targets as often as the others. Less than 2 % of all is nothing: timers are late at times, and
// busy time is counted in ticks.
uint64_t skipped_samples(const Firings& firings);

// On one CPU, for whatever runs there.
Result<FileHandle> open_on_cpu(const perf_event_attr& attributes, int cpu);

}  // namespace pgflame::capture
