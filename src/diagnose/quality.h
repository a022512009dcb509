// Whether the samples can carry a diagnosis at all.
#pragma once

#include <string>
#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnosis.h"

namespace pgflame::diagnose {

// Grade, reasons and remedy for the selected on-CPU samples.
Quality grade(const Analysis& analysis);

inline bool carries_findings(const Quality& quality) {
  return quality.grade >= 'A' && quality.grade <= 'C';
}

// What readers of the report should know about these samples though it is no finding: sampling
// artefacts, missing tags.
std::vector<std::string> notes_on(const Analysis& analysis);

Totals total_up(const Analysis& analysis);

}  // namespace pgflame::diagnose
