// The rows of the table of functions.
#pragma once

#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnosis.h"

namespace pgflame::diagnose {

// All functions that have time of their own, once for each cluster, in no order that matters.
std::vector<TableRow> function_rows(const Analysis& analysis);

}  // namespace pgflame::diagnose
