// Stacks that do not reach their root, and what would mend it.
#pragma once

#include <cstdint>
#include <string>

#include "src/diagnose/analysis.h"

namespace pgflame::diagnose {

struct CutStacks {
  uint64_t samples = 0;  // on CPU
  std::string remedy;    // for most of them
};

CutStacks cut_stacks(const Analysis& analysis);

}  // namespace pgflame::diagnose
