// One look at a server: absolute counters, and who did what at that moment.
#pragma once

#include <string>
#include <vector>

#include "src/context/connection.h"
#include "src/profile/database.h"

namespace pgflame::context {

struct Look {
  DatabaseContext state;                // counters are absolute; interval_us is Unix time
  std::vector<std::string> table_oids;  // of state.tables
  std::string statements_schema;        // quoted; empty: no pg_stat_statements
  std::vector<std::string> problems;    // of this look
};

// What cannot be asked is left out and said in `problems`; fails when the server is none that this
// program knows or does not answer.
Result<Look> look(Connection& connection);

// Rows of blocked_sql(), blockers_sql() and locks_sql() joined: the sessions at the root of each
// queue.
std::vector<Blocker> root_blockers(const Rows& blocked, const Rows& sessions, const Rows& locks);

// The pids that block others and are not blocked themselves.
std::vector<std::string> root_pids(const Rows& blocked);

// -12 for "-12"; 0 for anything that is no number or out of range.
int64_t number(const std::string& text);
// The same for counters: nothing negative.
uint64_t count(const std::string& text);

}  // namespace pgflame::context
