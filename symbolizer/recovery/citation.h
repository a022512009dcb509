// Which fact a recovered name rests on, in words.
#pragma once

#include <vector>

#include "symbolizer/recovery/votes.h"

namespace pgflame::symbolizer {

// Puts before the evidence of each recovered name the fact that says most among those that the
// function shares with the one of that name in a reference: a string, a slot of a table with a
// name, a caller or a callee.
void cite_facts(const Program& program,
                const IncomingFacts& incoming,
                const std::vector<Testimony>& testimonies,
                std::vector<Verdict>& verdicts);

}  // namespace pgflame::symbolizer
