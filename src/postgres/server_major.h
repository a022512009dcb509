// Which binaries are PostgreSQL servers, and of which major version by where they are installed.
#pragma once

#include <string_view>

namespace pgflame::postgres {

// Whether a file, or a process by its short name, is a server: "postgres", "postmaster",
// "postgres.real", "edb-postgres".
bool is_server(std::string_view path);

// 15 for "/usr/lib/postgresql/15/bin/postgres" (Debian, Ubuntu), "/usr/pgsql-15/bin/postgres" (RPMs
// of postgresql.org), "/usr/libexec/postgresql15/postgres" (Alpine) and
// ".../postgresql@15/bin/postgres" (Homebrew); 0 when the path does not tell or is no server's.
int major_of_server(std::string_view path);

}  // namespace pgflame::postgres
