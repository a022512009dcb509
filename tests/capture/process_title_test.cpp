#include "src/capture/process_title.h"

#include <doctest/doctest.h>

using namespace pgflame::capture;

TEST_SUITE("capture") {
  TEST_CASE("a process title says type, user, database and leader") {
    struct Row {
      const char* title;
      const char* cluster;
      const char* type;
      const char* user;
      const char* database;
      int32_t leader;
      const char* fixed;
    };
    const Row rows[] = {
        {"postgres: alice shop [local] SELECT",
         "",
         "client backend",
         "alice",
         "shop",
         0,
         "alice shop [local]"},
        {"postgres: alice shop 127.0.0.1(57804) idle in transaction",
         "",
         "client backend",
         "alice",
         "shop",
         0,
         "alice shop 127.0.0.1(57804)"},
        {"postgres: 15/main: alice shop host.example(5) UPDATE waiting",
         "15/main",
         "client backend",
         "alice",
         "shop",
         0,
         "alice shop host.example(5)"},
        {"postgres: my: clus: checkpointer ",
         "my: clus",
         "checkpointer",
         "",
         "",
         0,
         "checkpointer"},
        {"postgres: Joe Smith db with sp(ace) localhost(57804) SELECT",
         "",
         "client backend",
         "",
         "",
         0,
         "Joe Smith db with sp(ace) localhost(57804)"},
        {"postgres: walsender repl 10.0.0.7(4242) streaming 0/3000060",
         "",
         "walsender",
         "repl",
         "",
         0,
         "walsender repl 10.0.0.7(4242)"},
        {"postgres: walsender repl shop [local] START_REPLICATION",
         "",
         "walsender",
         "repl",
         "shop",
         0,
         "walsender repl shop [local]"},
        {"postgres: autovacuum worker shop",
         "",
         "autovacuum worker",
         "",
         "shop",
         0,
         "autovacuum worker"},
        {"postgres: autovacuum launcher ",
         "",
         "autovacuum launcher",
         "",
         "",
         0,
         "autovacuum launcher"},
        {"postgres: parallel worker for PID 4242 ",
         "",
         "parallel worker",
         "",
         "",
         4242,
         "parallel worker for PID 4242"},
        {"postgres: io worker 2", "", "io worker", "", "", 0, "io worker"},
        {"postgres: startup recovering 000000010000000000000003",
         "",
         "startup",
         "",
         "",
         0,
         "startup"},
        {"postgres: logical replication apply worker for subscription 16399 ",
         "",
         "logical replication apply worker",
         "",
         "",
         0,
         "logical replication apply worker"},
        {"postgres: pg_cron launcher ", "", "background worker", "", "", 0, "pg_cron launcher"},
        {"postgres: startup startup [local] idle",
         "",
         "client backend",
         "startup",
         "startup",
         0,
         "startup startup [local]"},
        {"postgres: ", "", "", "", "", 0, ""},
    };
    for (const Row& row : rows) {
      CAPTURE(row.title);
      const auto title = parse_process_title(row.title, row.cluster);
      REQUIRE(title);
      CHECK(title->type == row.type);
      CHECK(title->user == row.user);
      CHECK(title->database == row.database);
      CHECK(title->leader == row.leader);
      CHECK(title->fixed == row.fixed);
    }
  }

  TEST_CASE("a postmaster's command line and other programs have no process title") {
    for (const char* text : {"/usr/lib/postgresql/15/bin/postgres -D /data",
                             "sh -c cp %p",
                             "",
                             "postgres",
                             "postgres:"}) {
      CAPTURE(text);
      CHECK_FALSE(parse_process_title(text, ""));
    }
  }

  TEST_CASE("any bytes can stand in a title") {
    for (const char* text : {"postgres: ((((",
                             "postgres: (1)",
                             "postgres: x (1) y",
                             "postgres: a b ()",
                             "postgres:  [local]",
                             "postgres: walsender [local]",
                             "postgres: parallel worker for PID 99999999999999999999"}) {
      CAPTURE(text);
      const auto title = parse_process_title(text, "");
      REQUIRE(title);
      CHECK(title->leader == 0);
    }
  }

  TEST_CASE("the cluster's name is what stands before the checkpointer") {
    CHECK(cluster_name_of(
              {"postgres: a: b: background writer ", "postgres: a: b: checkpointer "}) == "a: b");
    CHECK(cluster_name_of({"/bin/postgres -D x", "postgres: checkpointer "}).empty());
    CHECK(cluster_name_of({}).empty());
  }
}
