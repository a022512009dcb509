// Made-up but realistic reports: stacks as Postgres 15 shows them, tags, and a diagnosis written by
// hand. For tests of the page, not of the diagnosis.
#pragma once

#include "src/diagnose/diagnosis.h"
#include "src/profile/profile.h"

namespace pgflame::testing {

struct SampleReport {
  Profile profile;
  diagnose::Diagnosis diagnosis;
};

// A mixed load over 60 s with waits, queries, host seconds and four findings.
SampleReport sample_report();

// The same host an hour later: deforming halved, sorting new, planning gone.
SampleReport sample_report_after();

// `stacks` different stacks over 60 s, deterministic.
SampleReport large_report(size_t stacks);

// Every text is an attack on the document: markup, control characters, invalid UTF-8, reordering
// marks, very long, East Asian and combining.
SampleReport hostile_report();

// The same at another hour, with another load: the other side of a hostile comparison.
SampleReport hostile_report_after();

// Every text is random bytes, as likely to be markup, invalid UTF-8 or control characters as
// letters; the same for the same seed.
SampleReport fuzzed_report(uint32_t seed);

// Quality D: findings are withheld.
SampleReport withheld_report();

}  // namespace pgflame::testing
