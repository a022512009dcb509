// Findings about time off CPU: by class of wait event, and waiting for a CPU.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnose.h"
#include "src/diagnose/time_split.h"

namespace pgflame::diagnose {

struct WaitFinding {
  Finding finding;  // its share is of the time of active backends
  uint64_t nanoseconds = 0;
};

// The id of the finding about a class of waits: "WAIT-LWLOCK" for "LWLock".
std::string wait_id(std::string_view kind);

// What backends do in waits of a class ("LWLock"): "waiting for lightweight locks".
std::string_view wait_title(std::string_view kind);

// The finding RUNQ without what the samples say: id, title, meaning, advice.
Finding run_queue_texts();

// Ids: WAIT-LWLOCK, WAIT-LOCK, WAIT-IO, ... by class of wait event, and RUNQ.
std::vector<WaitFinding> find_waits(const Analysis& analysis,
                                    const TimeSplit& split,
                                    const Options& options);

// Whether find_waits can give a finding this id; RUNQ aside.
bool is_wait_finding(std::string_view id);

}  // namespace pgflame::diagnose
