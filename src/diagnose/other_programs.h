// Samples of processes that are no PostgreSQL server: captures of a whole machine have them.
#pragma once

#include <string>

#include "src/diagnose/analysis.h"

namespace pgflame::diagnose {

// A sentence with the names of the largest when they have at least 1 % of the samples' weight; else
// empty. Processes without a name, and those of which a server's main function was seen, are not
// counted.
std::string note_on_other_programs(const Analysis& analysis);

}  // namespace pgflame::diagnose
