// The rows of the table of functions.
#pragma once

#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnosis.h"

namespace pgflame::diagnose {

// The `most` functions that have most time of their own, once for each cluster.
std::vector<TableRow> function_rows(const Analysis& analysis, size_t most);

}  // namespace pgflame::diagnose
