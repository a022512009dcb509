// What several references say about the functions of one program, and what to believe.
#pragma once

#include <string>
#include <vector>

#include "src/profile/profile.h"
#include "symbolizer/recovery/matcher.h"
#include "symbolizer/recovery/program.h"

namespace pgflame::symbolizer {

struct Testimony {
  int major = 0;
  bool same_major = false;  // as the program in question
  bool older = false;       // than it
  ReferenceGraph graph;
  std::vector<Match> matches;
};

struct Verdict {
  std::string name;  // empty: nothing to say
  std::string file;
  std::string evidence;
  NameTier tier = NameTier::kNone;
};

// One row per function of the program. Witnesses that contradict each other count for nothing,
// unless one of the same major version knows much more.
std::vector<Verdict> judge(const Program& program,
                           const IncomingFacts& incoming,
                           const std::vector<Testimony>& testimonies);

}  // namespace pgflame::symbolizer
