// What the samples of an event count, in words.
#pragma once

#include <string>

#include "src/profile/profile.h"

namespace pgflame::diagnose {

struct Measure {
  std::string whole;   // "CPU time", "page-faults"
  std::string part;    // of which something has a share: "CPU", "page-faults"
  std::string title;   // of the graph: "On CPU", "page-faults"
  std::string column;  // above shares of it: "of CPU", "share"
  std::string own;     // what functions have for themselves: "time", "page-faults"
  std::string sample;  // "on-CPU sample", "page-faults sample"

  bool operator==(const Measure&) const = default;
};

Measure measure_of(const Event& event);

// "1 234 567 page-faults in 12 345 samples", of an event that counts something else than CPU time.
std::string events_in_samples(const Event& event, uint64_t weight, uint64_t samples);

}  // namespace pgflame::diagnose
