// The major version of a server by where its binary is installed.
#pragma once

#include <string_view>

namespace pgflame::postgres {

// 15 for "/usr/lib/postgresql/15/bin/postgres" (Debian, Ubuntu), "/usr/pgsql-15/bin/postgres" (RPMs
// of postgresql.org), "/usr/libexec/postgresql15/postgres" (Alpine) and
// ".../postgresql@15/bin/postgres" (Homebrew); 0 when the path does not tell or is no server's.
int major_of_server(std::string_view path);

}  // namespace pgflame::postgres
