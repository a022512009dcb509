// What would make stacks reach their roots.
#pragma once

#include <string>

#include "src/diagnose/cut_stacks.h"

namespace pgflame::diagnose {

// One remedy for each reason that there is one for, joined by "; ", most frequent first. Says only
// what the samples and the recording show.
std::string remedies_of(const CutStacks& cut, const Profile& profile);

}  // namespace pgflame::diagnose
