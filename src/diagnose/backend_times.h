// How each backend spent its life, as far as that was seen.
#pragma once

#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnosis.h"

namespace pgflame::diagnose {

// The backends whose lifetime is known, those with most time that was not idle first. Of all
// samples, selected or not.
std::vector<BackendRow> times_by_backend(const Analysis& analysis);

}  // namespace pgflame::diagnose
