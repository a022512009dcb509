// One or two sentences for somebody who reads nothing else.
#pragma once

#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnosis.h"
#include "src/diagnose/time_split.h"

namespace pgflame::diagnose {

// The classes follow the share of active backend time: running > 60 % is CPU-bound, runnable > 25 %
// CPU-starved, IO > 30 % disk-bound, LWLock and Lock > 30 % contention-bound, else mixed.
Verdict pronounce(const Analysis& analysis,
                  const TimeSplit& split,
                  const Quality& quality,
                  const std::vector<Finding>& findings);

}  // namespace pgflame::diagnose
