// Findings of rules that speak of samples in other states than running.
#pragma once

#include <vector>

#include "src/diagnose/wait_findings.h"

namespace pgflame::diagnose {

// Shares are of the time of active foreground backends. A rule's frames, its wait events, or both
// must hold for a sample; with neither every sample in its states counts.
std::vector<WaitFinding> find_off_cpu(const Analysis& analysis,
                                      const TimeSplit& split,
                                      const Options& options);

}  // namespace pgflame::diagnose
