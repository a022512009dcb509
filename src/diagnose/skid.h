// Samples of a timer that could not fire while interrupts were off: pattern VMSKID, a note and
// never a finding.
#pragma once

#include <string>

#include "src/diagnose/analysis.h"

namespace pgflame::diagnose {

// The share of such samples; 0 when the event is no timer.
double skid_share(const Analysis& analysis);

// A sentence when the share is at least 3 %; else empty.
std::string note_on_skid(const Event& event, double share);

// What `pgflame explain VMSKID` prints.
std::string skid_page();

}  // namespace pgflame::diagnose
