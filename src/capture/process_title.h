// The process titles that Postgres backends give themselves: "postgres: alice shop [local] SELECT".
//
// Source: PostgreSQL 13 to 18, src/backend/utils/misc/ps_status.c and its callers. The format is
// `postgres: ` + (`<cluster_name>: `) + a part fixed at start + ` ` + the current activity.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgflame::capture {

struct ProcessTitle {
  std::string fixed;     // without prefix, cluster name and activity: "alice shop [local]"
  std::string type;      // as in pg_stat_activity.backend_type
  std::string database;  // empty when there is none, or when the title is ambiguous
  std::string user;
  std::string names;   // of a client's session: user and, if it has one, database, as in the title
  int32_t leader = 0;  // parallel workers: pid as Postgres sees it
};

// Nothing when the text is no title of a Postgres child (the postmaster keeps its command line).
// User and database names may contain blanks; then both are left empty rather than guessed (what
// is certain in spite of it: session_names.h).
std::optional<ProcessTitle> parse_process_title(std::string_view text,
                                                std::string_view cluster_name);

// cluster_name may hold any text, so it is taken from the one title whose rest is known: the
// checkpointer's, which every running cluster has. Empty when it is not set.
std::string cluster_name_of(const std::vector<std::string>& titles);

}  // namespace pgflame::capture
