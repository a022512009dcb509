// Whether the samples can carry a diagnosis at all.
#pragma once

#include <string>
#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnosis.h"
#include "src/diagnose/time_split.h"

namespace pgflame::diagnose {

// Grade, reasons and remedy for the selected samples, given their skid_share. Measured waiting time
// counts as what sampling at 100 Hz would have seen of it.
Quality grade(const Analysis& analysis, const TimeSplit& split, double skid);

inline bool carries_findings(const Quality& quality) {
  return quality.grade >= 'A' && quality.grade <= 'C';
}

// What readers of the report should know about these samples though it is no finding: sampling
// artefacts, missing tags.
std::vector<std::string> notes_on(const Analysis& analysis, double skid);

}  // namespace pgflame::diagnose
