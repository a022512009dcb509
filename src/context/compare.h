// Two looks at a server made into what happened between them. Pure.
#pragma once

#include "src/context/look.h"

namespace pgflame::context {

// Counters become differences; statements, tables and counters that went backwards (reset) or did
// not move are left out, and a reset is said in `problems`. A statement or table that the first
// look did not see counts from zero. Of the statements those that took most time are kept, and
// those of `query_ids`.
DatabaseContext compare(const Look& before, Look after, const std::vector<uint64_t>& query_ids);

}  // namespace pgflame::context
