#include "src/postgres/server_major.h"

#include <doctest/doctest.h>

namespace pgflame::postgres {

TEST_SUITE("postgres") {
  TEST_CASE("a server is called postgres or postmaster, whoever packaged it") {
    CHECK(is_server("/usr/lib/postgresql/15/bin/postgres"));
    CHECK(is_server("/usr/edb/as16/bin/edb-postgres"));
    CHECK(is_server("postmaster"));
    CHECK_FALSE(is_server("/usr/lib/postgresql/15/lib/plpgsql.so"));
    CHECK_FALSE(is_server("/usr/lib/postgresql/15/lib/postgres_fdw.so"));
    CHECK_FALSE(is_server("pgbench"));
    CHECK_FALSE(is_server(""));
  }

  TEST_CASE("a package's path tells the major, other paths tell nothing") {
    CHECK(major_of_server("/usr/lib/postgresql/15/bin/postgres") == 15);
    CHECK(major_of_server("/proc/17/root/usr/lib/postgresql/18/bin/postgres") == 18);
    CHECK(major_of_server("/usr/pgsql-16/bin/postgres") == 16);
    CHECK(major_of_server("/usr/pgsql-13/bin/postmaster") == 13);
    CHECK(major_of_server("/usr/libexec/postgresql17/postgres") == 17);
    CHECK(major_of_server("/opt/homebrew/opt/postgresql@14/bin/postgres") == 14);
    CHECK(major_of_server("/usr/lib/postgresql/15/lib/plpgsql.so") == 0);
    CHECK(major_of_server("/usr/local/pgsql/bin/postgres") == 0);
    CHECK(major_of_server("/srv/postgresql/1500/postgres") == 0);
    CHECK(major_of_server("postgres") == 0);
    CHECK(major_of_server("") == 0);
  }
}

}  // namespace pgflame::postgres
