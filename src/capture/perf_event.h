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

// On one CPU, for whatever runs there.
Result<FileHandle> open_on_cpu(const perf_event_attr& attributes, int cpu);

}  // namespace pgflame::capture
