// All time of the foreground backends, by state and wait event.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnosis.h"

namespace pgflame::diagnose {

struct WaitUse {
  std::string kind;  // "LWLock", "Lock", "IO", "Client", ...; "Unknown" when it could not be told
  std::string name;  // "WALWrite"; empty when unknown
  uint64_t nanoseconds = 0;
  uint64_t intervals = 0;
  bool from_stack = false;  // no tag; told from the functions on the stack
};

// Nanoseconds. Foreground: client backends, parallel workers and whatever has no known type; when
// none of them did anything, every backend.
struct TimeSplit {
  uint64_t running = 0;
  uint64_t runnable = 0;
  uint64_t runnable_intervals = 0;
  uint64_t idle = 0;  // waiting for the client's next command, and main loops of background work
  std::vector<WaitUse> waits;  // most time first; those of idle backends are not among them
  uint64_t samples = 0;        // that the split rests on, all states

  uint64_t waiting() const;
  uint64_t waiting(std::string_view kind) const;
  uint64_t active() const { return running + runnable + waiting(); }
};

TimeSplit split_time(const Analysis& analysis);

// CPU time in nanoseconds that the samples in state running stand for; 0 when it cannot be known,
// or when they count something else.
uint64_t cpu_nanoseconds(const Recording& recording, uint64_t weight, uint64_t samples);

// How many samples at 100 Hz would have fallen into so much waiting.
inline uint64_t wall_samples(uint64_t nanoseconds) {
  return nanoseconds / 10'000'000;
}

// What a statement about time off CPU rests on: long waits are few intervals.
inline uint64_t off_cpu_samples(uint64_t intervals, uint64_t nanoseconds) {
  return std::max(intervals, wall_samples(nanoseconds));
}

// Part of the time of active backends, with the interval that samples at 100 Hz would leave.
Share share_of_active(const TimeSplit& split, uint64_t nanoseconds);

// Waiting in the main loop, or for the client's next command.
bool is_idle(const WaitUse& wait);

// The report's bar: running | runnable | LWLock | Lock | IO | ... | idle.
std::vector<TimeSegment> segments(const TimeSplit& split);

// Client backends, parallel workers and whatever has no known type.
bool is_foreground(const Profile& profile, const Sample& sample);

// The wait of an off-CPU sample: its tag, or what its stack says.
WaitUse wait_of(const Profile& profile, const Sample& sample);

}  // namespace pgflame::diagnose
