// Stacks that do not reach their root: why, and what would mend it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/diagnose/analysis.h"

namespace pgflame::diagnose {

// Stacks that end alike.
struct CutKind {
  StackEnd end = StackEnd::kUnknown;
  uint64_t samples = 0;       // on CPU
  ModuleId module;            // the file that most of them stop in; invalid: in none
  bool one_module = false;    // all of them stop there
  bool file_missing = false;  // nobody could look into that file
};

struct CutStacks {
  uint64_t samples = 0;        // on CPU
  std::vector<CutKind> kinds;  // most frequent first
};

CutStacks cut_stacks(const Analysis& analysis);

// "3.1 % code without unwind information (libcrypto.so.3), 0.6 % ...": shares of all samples.
std::string reasons_of(const CutStacks& cut, const Analysis& analysis);

}  // namespace pgflame::diagnose
