// The report's tables.
#pragma once

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnosis.h"
#include "src/diagnose/time_split.h"

namespace pgflame::diagnose {

// Fills queries, backend_types, databases, users, applications, functions and waits, at most `rows`
// each, and clusters; rows that would only say "unknown" are left out. Of several clusters, what
// has the same name in two of them is a row for each (waits excepted).
void fill_tables(const Analysis& analysis,
                 const TimeSplit& split,
                 size_t rows,
                 Diagnosis& diagnosis);

}  // namespace pgflame::diagnose
