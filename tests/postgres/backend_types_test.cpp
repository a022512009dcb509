#include "src/postgres/backend_types.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "src/capture/process_title.h"
#include "tests/support/profile_text.h"

using namespace pgflame;

namespace {

std::string type_of(std::string_view folded) {
  Profile profile = testing::profile_from_folded(folded);
  postgres::fill_in_backend_types(profile);
  return profile.backends[BackendId{0}].type;
}

}  // namespace

TEST_SUITE("postgres") {
  TEST_CASE("a process is called after the function it never returns from") {
    CHECK(type_of("main;PostmasterMain;ServerLoop;PostgresMain;exec_simple_query 3\n") ==
          "client backend");
    CHECK(type_of("main;PostmasterMain;AutoVacWorkerMain;vacuum 1\n") == "autovacuum worker");
    CHECK(type_of("main;AutoVacLauncherMain.isra.5;pg_usleep 1\n") == "autovacuum launcher");
    CHECK(type_of("main;ServerLoop;StartBackgroundWorker;ParallelWorkerMain;ExecScan 1\n") ==
          "parallel worker");
    CHECK(type_of("main;BackgroundWorkerMain;some_extension_main 1\n") == "background worker");
    CHECK(type_of("main;StartBackgroundWorker;ApplyWorkerMain 1\n") ==
          "logical replication worker");
    CHECK(type_of("main;BackgroundWorkerMain;ApplyWorkerMain;apply_dispatch 1\n") ==
          "logical replication apply worker");
    CHECK(type_of("main;PostgresSingleUserMain;PostgresMain 1\n") == "standalone backend");
  }

  TEST_CASE("every type that a process title tells is one") {
    for (const char* title : {"autovacuum launcher",
                              "autovacuum worker postgres",
                              "checkpointer",
                              "background writer",
                              "walwriter",
                              "logger",
                              "startup recovering 0001",
                              "walreceiver streaming 0/1",
                              "archiver",
                              "stats collector",
                              "walsummarizer",
                              "slotsync worker",
                              "io worker 0",
                              "logical replication launcher",
                              "logical replication parallel apply worker for subscription 1",
                              "logical replication apply worker for subscription 1",
                              "logical replication tablesync worker for subscription 1 sync 2",
                              "logical replication worker for subscription 1",
                              "parallel worker for PID 4242",
                              "autoprewarm master",
                              "autoprewarm leader",
                              "autoprewarm worker",
                              "walsender postgres [local] streaming 0/1",
                              "postgres postgres [local] idle",
                              "pg_cron launcher"}) {
      CAPTURE(title);
      const auto parsed = capture::parse_process_title(std::string("postgres: ") + title, "");
      REQUIRE(parsed);
      CHECK(postgres::is_backend_type(parsed->type));
    }
    CHECK(postgres::is_backend_type("postmaster"));
    CHECK_FALSE(postgres::is_backend_type("client backends"));
    CHECK_FALSE(postgres::is_backend_type(""));
  }

  TEST_CASE("what says more wins, on one stack and among those of one process") {
    CHECK(type_of("main;PostgresMain;secure_read 9\n"
                  "main;PostgresMain;exec_replication_command;WalSndLoop 1\n") == "walsender");
    CHECK(type_of("main;PostgresMain;exec_replication_command 1\n"
                  "main;PostgresMain;secure_read 9\n") == "walsender");
  }

  TEST_CASE("nothing is said of a process that shows none of them") {
    CHECK(type_of("main;PostmasterMain;ServerLoop;fork_process 1\n") == "");
    CHECK(type_of("") == "");
  }

  TEST_CASE("up to 16 the main of a background worker is called as it is started") {
    Profile profile = testing::profile_from_folded("main;StartBackgroundWorker;extension_main 1\n");
    const ModuleId server =
        profile.modules.add({ModuleKind::kFile, "/usr/lib/postgresql/16/bin/postgres", ""});
    for (Function& function : profile.functions)
      function.module = server;
    postgres::fill_in_backend_types(profile);
    CHECK(profile.backends[BackendId{0}].type == "background worker");
    profile.modules[server].path = "/usr/lib/postgresql/18/bin/postgres";
    profile.backends[BackendId{0}].type.clear();
    postgres::fill_in_backend_types(profile);
    CHECK(profile.backends[BackendId{0}].type.empty());
  }

  TEST_CASE("a process that has become another program is no backend") {
    Profile profile = testing::profile_from_folded("main;PostgresMain;system 1\n");
    profile.backends[BackendId{0}].comm = "gzip";
    postgres::fill_in_backend_types(profile);
    CHECK(profile.backends[BackendId{0}].type.empty());
  }

  TEST_CASE("a type that is known stays, and a row that is no process gets none") {
    Profile profile = testing::profile_from_folded("main;PostgresMain 1\n");
    profile.backends[BackendId{0}].type = "walsender";
    postgres::fill_in_backend_types(profile);
    CHECK(profile.backends[BackendId{0}].type == "walsender");
    profile.backends[BackendId{0}].type = "";
    profile.backends[BackendId{0}].pid = 0;
    postgres::fill_in_backend_types(profile);
    CHECK(profile.backends[BackendId{0}].type.empty());
  }
}
