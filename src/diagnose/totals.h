// The accounting line and what it is made of.
#pragma once

#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnosis.h"

namespace pgflame::diagnose {

// `backends`: all of times_by_backend.
Totals total_up(const Analysis& analysis, const std::vector<BackendRow>& backends);

}  // namespace pgflame::diagnose
