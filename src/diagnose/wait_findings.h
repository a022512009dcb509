// Findings about time off CPU: by class of wait event, and waiting for a CPU.
#pragma once

#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnose.h"
#include "src/diagnose/time_split.h"

namespace pgflame::diagnose {

struct WaitFinding {
  Finding finding;  // its share is of the time of active backends
  uint64_t nanoseconds = 0;
};

// The finding RUNQ without what the samples say: id, title, meaning, advice.
Finding run_queue_texts();

// Ids: WAIT-LWLOCK, WAIT-LOCK, WAIT-IO, ... by class of wait event, and RUNQ.
std::vector<WaitFinding> find_waits(const Analysis& analysis,
                                    const TimeSplit& split,
                                    const Options& options);

}  // namespace pgflame::diagnose
