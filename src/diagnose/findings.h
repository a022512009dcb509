// Patterns put into words.
#pragma once

#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnose.h"
#include "src/diagnose/time_split.h"

namespace pgflame::diagnose {

// Worst first: by the time of active backends that they stand for.
std::vector<Finding> find_patterns(const Analysis& analysis,
                                   const TimeSplit& split,
                                   const Options& options);

// "Tuple deforming".
std::string capitalised(std::string_view text);

}  // namespace pgflame::diagnose
