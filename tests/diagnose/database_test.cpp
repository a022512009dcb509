#include <algorithm>

#include <doctest/doctest.h>

#include "src/diagnose/database_facts.h"
#include "src/diagnose/diagnose.h"
#include "src/diagnose/difference.h"
#include "tests/support/profile_text.h"

namespace pgflame::diagnose {
namespace {

using testing::profile_from_folded;

TableUse table(std::string name, int columns) {
  TableUse use;
  use.schema = use.parent_schema = "public";
  use.name = use.parent = std::move(name);
  use.seq_rows = 1000;
  use.seq_scans = 2;
  for (int i = 1; i <= columns; ++i)
    use.columns.push_back({"c" + std::to_string(i), "integer", i, false, true});
  return use;
}

DatabaseContext context() {
  DatabaseContext known;
  known.version = "15.18";
  known.major = 15;
  known.database = "shop";
  known.interval_us = 10'000'000;
  known.has_statements = true;
  known.counters = {{"xact_commit", 5000}};
  known.settings = {{"work_mem", "4MB"}, {"hash_mem_multiplier", "2"}};
  StatementUse use;
  use.query_id = 42;
  use.text = "select sum(c9), max(c12) from wide";
  use.calls = 5000;
  use.rows = 5000;
  use.exec_us = 50'000'000;
  use.shared_hit = 900;
  use.shared_read = 100;
  use.temp_written = 10'000;
  known.statements.push_back(use);
  known.tables.push_back(table("wide", 12));
  return known;
}

Profile profile_with(const std::string& stack, DatabaseContext known) {
  Profile profile = profile_from_folded("_start;main;" + stack + " 1000");
  for (Sample& sample : profile.samples)
    sample.query_id = 42;
  profile.recording.duration_ns = 10'000'000'000;
  profile.queries.push_back({42, known.statements.empty() ? "" : known.statements[0].text, false});
  profile.database = std::move(known);
  return profile;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("statements are joined to the samples by query id") {
    const Diagnosis diagnosis =
        diagnose(profile_with("ExecSeqScan;tts_buffer_heap_getsomeattrs", context()));
    REQUIRE(diagnosis.database.asked);
    REQUIRE(diagnosis.database.statements.size() == 1);
    const StatementRow& row = diagnosis.database.statements[0];
    CHECK(row.calls_per_second == doctest::Approx(500));
    CHECK(row.cpu_us_per_call == doctest::Approx(200));  // 1 s of CPU in 10 s, 500 calls/s
    CHECK(row.exec_us_per_call == doctest::Approx(10'000));
    CHECK(row.rows_per_call == doctest::Approx(1));
    CHECK(row.reads_per_second == doctest::Approx(10));
    CHECK(row.hit_ratio == doctest::Approx(0.9));
    CHECK(row.repeated);
    CHECK(diagnosis.database.sql.empty());
  }

  TEST_CASE("a deforming query is shown the last column that it names") {
    const Diagnosis diagnosis =
        diagnose(profile_with("ExecSeqScan;tts_buffer_heap_getsomeattrs", context()));
    REQUIRE(diagnosis.findings.size() == 1);
    CHECK(contains(diagnosis.findings[0].seen,
                   "The last column that the query's text names is column c12 of table wide, "
                   "number 12 of 12"));
    CHECK(contains(diagnosis.findings[0].seen, "500 calls/s, 1.0 rows and 10"));
  }

  TEST_CASE("spilling is shown the query's temporary blocks and the memory it had") {
    const Diagnosis diagnosis =
        diagnose(profile_with("tuplesort_performsort;mergeruns;LogicalTapeRead", context()));
    REQUIRE(!diagnosis.findings.empty());
    CHECK(diagnosis.findings[0].id == "SPILL");
    CHECK(contains(diagnosis.findings[0].seen, "this query wrote 2.0 temporary blocks"));
    CHECK(contains(diagnosis.findings[0].seen, "work_mem = 4MB, hash_mem_multiplier = 2"));
  }

  TEST_CASE("the last column is only told when the text leaves no doubt") {
    DatabaseContext known = context();
    const auto last = [&](std::string_view sql) -> std::string {
      const auto found = last_column(sql, known);
      return found ? found->column->name + (found->all ? " of all" : "") : "none";
    };
    CHECK(last("select c3 from wide where c7 = $1") == "c7");
    CHECK(last("SELECT C3 FROM Wide") == "c3");
    CHECK(last("select \"C3\" from wide") == "none");
    CHECK(last("select * from wide") == "c12 of all");
    CHECK(last("select w.* from wide w") == "c12 of all");
    CHECK(last("select count(*) from wide where c2 * c3 = $1") == "c3");
    CHECK(last("select c3 from other") == "none");
    CHECK(last("") == "none");
    CHECK(last("select \"unfinished") == "none");
    known.tables.push_back(table("narrow", 3));
    CHECK(last("select c3 from wide join narrow using (c1)") == "none");
    CHECK(last("select c3 from narrow") == "c3");
  }

  TEST_CASE(
      "functions, aliases and types are no columns, a star is all where it can be nothing else") {
    DatabaseContext known = context();
    TableUse& wide = known.tables[0];
    for (const char* name : {"count", "date", "total"})
      wide.columns.push_back(
          {name, "integer", static_cast<int>(wide.columns.size()) + 1, true, true});
    const auto last = [&](std::string_view sql) -> std::string {
      const auto found = last_column(sql, known);
      return found ? found->column->name + (found->all ? " of all" : "") : "none";
    };
    for (const auto& [sql, wanted] : std::vector<std::pair<std::string_view, std::string_view>>{
             {"select c1, count(*) from wide group by c1", "c1"},
             {"select count (*) from wide where c2 = $1", "c2"},
             {"select count(*) from wide", "none"},
             {"select \"count\" from wide", "count"},
             {"select c1, * from wide", "total of all"},
             {"select c1,* from wide", "total of all"},
             {"select wide.* from public.wide", "total of all"},
             {"select w.c1, w.* from wide as w where w.c2 = $1", "total of all"},
             {"select distinct on (c1) * from wide", "total of all"},
             {"update wide set c1 = $1 returning *", "total of all"},
             {"select c3 * c4 from wide", "c4"},
             {"select sum(c5) * $1 from wide", "c5"},
             {"select (c3 + c4) * c2 from wide", "c4"},
             {"select c1::date, cast(c2 as date) from wide where c3 > date $1", "c3"},
             {"select c1 as total, c2 total from wide", "c2"},
             {"select o.c9, w.c2 from wide w join unknown o on o.id = w.c1", "c2"},
             {"select o.*, w.c2 from wide w join unknown o on o.id = w.c1", "c2"},
             // The outer query decides what is needed of these.
             {"select c1 from (select * from wide) x", "none"},
             {"select * from (select c1 from wide) x", "none"},
             {"with x as (select c1 from wide) select * from x", "none"},
             {"select c1 from wide union select * from unknown", "none"},
             {"select c1 from unknown where exists (select * from wide)", "none"},
             {"insert into wide select * from unknown", "none"},
             {"insert into wide (c1, c9) values ($1, $2)", "none"},
             {"select * from wide where c1 in (select id from unknown)", "total of all"},
             {"select wide(c3) from unknown", "none"},
             {"*", "none"},
             {"wide *", "none"},
             {"select * from", "none"}}) {
      const std::string_view statement = sql;
      CAPTURE(statement);
      CHECK(last(statement) == wanted);
    }
  }

  TEST_CASE("a server without query ids is joined by the text of its statements") {
    DatabaseContext known = context();
    known.statements[0].query_id = 999;
    known.statements[0].text_id = 42;
    Profile profile = profile_with("ExecSeqScan", known);
    profile.queries[0].id_is_text_hash = true;
    CHECK(DatabaseFacts(profile).statements_of(42).size() == 1);
    // A session's text has the semicolon that the statistics leave out.
    profile.database->statements[0].text_id = 7;
    profile.queries[0].text += " ;";
    CHECK(DatabaseFacts(profile).statements_of(42).size() == 1);
    profile.queries[0].text = "select something else";
    CHECK(DatabaseFacts(profile).statements_of(42).empty());
    profile.queries[0].id_is_text_hash = false;
    CHECK(DatabaseFacts(profile).statements_of(42).empty());
  }

  TEST_CASE("without an answer the report holds the SQL to ask, and why there is none") {
    Profile profile = profile_from_folded("_start;main;ExecSeqScan 1000");
    profile.clusters.push_back({1, 5432, 17, "17.1", "", ""});
    const Diagnosis unasked = diagnose(profile);
    CHECK(!unasked.database.asked);
    CHECK(contains(unasked.database.sql, "pg_stat_checkpointer"));
    CHECK(contains(unasked.database.sql, "pg_stat_io"));
    for (const char* part : {"pg_stat_wal", "pg_settings", "xact_commit", "xact_start", "pg_locks"})
      CHECK(contains(unasked.database.sql, part));
    profile.clusters[0].major = 13;
    CHECK(!contains(diagnose(profile).database.sql, "pg_stat_wal"));
    profile.clusters[0].major = 15;
    profile.database.emplace();
    profile.database->problems.emplace_back("Cannot connect.");
    const Diagnosis failed = diagnose(profile);
    CHECK(!contains(failed.database.sql, "pg_stat_checkpointer"));
    REQUIRE(failed.database.sentences.size() == 1);
    CHECK(failed.database.sentences[0] == "Cannot connect.");
  }

  TEST_CASE("the figures of another server are said to be of another server") {
    Profile profile = profile_with("ExecSeqScan", context());
    profile.clusters.push_back({1, 5432, 15, "15.18", "", ""});
    profile.database->port = 6000;
    CHECK(contains(diagnose(profile).database.sentences.at(0), "none of the recorded clusters"));
  }

  TEST_CASE("a lock wait names the session at the root of the queue") {
    DatabaseContext known = context();
    Blocker blocker;
    blocker.pid = 77;
    blocker.waiters = 3;
    blocker.waits = "transactionid";
    blocker.state = "idle in transaction";
    blocker.transaction_age_us = 90'000'000;
    known.blockers.push_back(blocker);
    const Diagnosis diagnosis = diagnose(profile_with("ExecSeqScan", known));
    const auto& sentences = diagnosis.database.sentences;
    CHECK(std::ranges::any_of(sentences, [](const std::string& sentence) {
      return contains(sentence,
                      "pid 77 (idle in transaction, transaction open for 90 s), with 3 sessions "
                      "behind it waiting for transactionid");
    }));
  }

  TEST_CASE("the lock at the root of the queue is named") {
    DatabaseContext known = context();
    Blocker blocker;
    blocker.pid = 77;
    blocker.waiters = 3;
    blocker.waits = "relation";
    blocker.lock_type = "relation";
    blocker.schema = "public";
    blocker.relation = "hot";
    blocker.wanted_mode = "AccessShareLock";
    blocker.held_mode = "AccessExclusiveLock";
    known.blockers = {blocker};
    const auto said = [&] {
      const Profile profile = profile_with("ExecSeqScan", known);
      return DatabaseFacts(profile).about({"blockers"}, {}, std::nullopt);
    };
    CHECK(contains(said(),
                   "; the lock: relation public.hot, AccessExclusiveLock held, AccessShareLock "
                   "waited for."));
    known.blockers[0].lock_type = "transactionid";
    known.blockers[0].held_mode = "";
    CHECK(contains(said(),
                   "; the lock: transactionid that changed a row of public.hot, AccessShareLock "
                   "waited for."));
    known.blockers[0].lock_type = "advisory";
    known.blockers[0].relation = "";
    CHECK(contains(said(), "; the lock: advisory, AccessShareLock waited for."));
    known.counters.push_back({"deadlocks", 2});
    CHECK(contains(said(), "waited for. pg_stat_database counted 2 deadlocks"));
    known.blockers.clear();
    CHECK(said().starts_with("pg_stat_database counted 2 deadlocks"));
  }

  TEST_CASE("sessions are told by state and by what they waited for, at both looks") {
    DatabaseContext known = context();
    known.sessions = {{true, "client backend", "active", "Lock", "relation", 2},
                      {true, "client backend", "active", "Lock", "tuple", 1},
                      {true, "client backend", "active", "IO", "DataFileRead", 1},
                      {true, "client backend", "active", "", "", 3},
                      {true, "client backend", "idle", "Client", "ClientRead", 5},
                      {true, "client backend", "idle in transaction (aborted)", "Client", "", 1},
                      {true, "checkpointer", "", "Activity", "CheckpointerMain", 1},
                      {false, "client backend", "idle", "Client", "ClientRead", 1}};
    const Profile profile = profile_with("ExecSeqScan", known);
    CHECK(DatabaseFacts(profile).about({"sessions"}, {}, std::nullopt) ==
          "pg_stat_activity at the start: 1 client session, 0 active, 1 idle, 0 idle in "
          "transaction; at the end: 13 client sessions, 7 active (waiting: 3 Lock, 1 IO), 5 idle, "
          "1 idle in transaction.");
    const DatabaseView view = diagnose(profile).database;
    CHECK(view.sessions.size() == 8);
    CHECK(view.counters.at(0).name == "xact_commit");
  }

  TEST_CASE("who writes buffers is told from what the major counts") {
    DatabaseContext known = context();
    known.counters = {{"bgwriter_buffers", 100},
                      {"buffers_allocated", 5000},
                      {"backend_buffers", 2000},
                      {"backend_fsyncs", 1}};
    const auto said = [&] {
      const Profile profile = profile_with("ExecSeqScan", known);
      return DatabaseFacts(profile).about({"checkpoints"}, {}, std::nullopt);
    };
    CHECK(said() ==
          "Backends themselves wrote 200 buffers/s (new pages included), the background writer 10 "
          "buffers/s; 500 buffers/s were allocated. Backends had to call fsync themselves, once.");
    known.counters.insert(
        known.counters.end(),
        {{"checkpoints_timed", 1}, {"checkpoints_requested", 0}, {"checkpoint_buffers", 20}});
    CHECK(contains(said(), "20 buffers written by them. Backends themselves wrote 200"));
    known.counters = {{"bgwriter_buffers", 100}, {"buffers_allocated", 5000}};
    CHECK(said().empty());
    known.io.push_back({"client backend", "relation", "normal", 0, 1000, 0, 0, 0, 0});
    known.io.push_back({"client backend", "relation", "bulkwrite", 0, 500, 0, 0, 0, 0});
    known.io.push_back({"client backend", "temp relation", "normal", 0, 900, 0, 0, 0, 0});
    known.io.push_back({"checkpointer", "relation", "normal", 0, 7000, 0, 0, 0, 9});
    CHECK(contains(said(),
                   "Backends themselves wrote 150 times/s (50 of that in the rings of bulk "
                   "operations and vacuum), the background writer 10"));
  }

  TEST_CASE("temporary files are told when there were any") {
    DatabaseContext known = context();
    known.counters = {{"temp_files", 3}, {"temp_bytes", 30'000'000}};
    const Profile profile = profile_with("ExecSeqScan", known);
    CHECK(DatabaseFacts(profile).about({"temp files"}, {}, std::nullopt) ==
          "pg_stat_database counted 3 temporary files of 30.0 MB altogether; they are counted "
          "when they are removed.");
    const Profile none = profile_with("ExecSeqScan", context());
    CHECK(DatabaseFacts(none).about({"temp files"}, {}, std::nullopt).empty());
  }

  TEST_CASE("how old a table's statistics are is told from the end of the recording") {
    DatabaseContext known = context();
    TableUse& wide = known.tables[0];
    wide.dead = 5000;
    wide.last_vacuum = 1'700'000'000 - 3 * 3600;
    Profile profile = profile_with("ExecSeqScan", known);
    profile.recording.start_unix_ns = 1'699'999'990'000'000'000;
    profile.recording.duration_ns = 10'000'000'000;
    const auto said = [&](const char* topic) {
      return DatabaseFacts(profile).about({topic}, {}, std::nullopt);
    };
    CHECK(contains(said("dead"),
                   "; last vacuumed 3 h before the recording ended, never analyzed that the "
                   "statistics know of."));
    profile.database->tables[0].last_analyze = 1'700'000'000 - 5 * 86400;
    CHECK(
        contains(said("scans"),
                 "wide (100 rows/s in 2 scans; last analyzed 5 days before the recording ended)"));
    profile.database->tables[0].last_analyze = 1'700'000'003;
    CHECK(contains(said("scans"), "last analyzed as the recording ended)"));
    profile.recording.start_unix_ns = 0;
    CHECK(contains(said("scans"), "last analyzed 2023-11-14"));
  }

  TEST_CASE("who does the I/O is told by operation, the busiest first") {
    DatabaseContext known = context();
    known.interval_us = 10'000'000;
    known.io.push_back({"client backend", "relation", "normal", 0, 0, 0, 500, 0, 0});
    known.io.push_back({"checkpointer", "relation", "normal", 0, 25, 0, 0, 0, 5});
    known.io.push_back({"client backend", "relation", "bulkread", 12'000, 0, 0, 0, 11'000, 0});
    const Diagnosis diagnosis = diagnose(profile_with("ExecSeqScan", known));
    const auto& sentences = diagnosis.database.sentences;
    CHECK(std::ranges::any_of(sentences, [](const std::string& sentence) {
      return sentence ==
             "Most I/O by pg_stat_io: client backend (relation, bulkread) 1 200 reads/s, "
             "1 100 evictions/s; checkpointer (relation, normal) 2.5 writes/s, 0.5 fsyncs/s.";
    }));
  }

  TEST_CASE("differences are told per transaction when both recordings know them") {
    const Profile before = profile_with("ExecSeqScan", context());
    DatabaseContext slower = context();
    slower.counters[0].value = 2500;
    const Profile after = profile_with("ExecSort;tuplesort_performsort", slower);
    const Difference difference = compare(before, after);
    CHECK(difference.transactions_before == doctest::Approx(500));
    CHECK(difference.transactions_after == doctest::Approx(250));
    CHECK(contains(difference.verdict, "Per transaction that is 200 → 400 µs"));
    const auto sort = std::ranges::find(difference.deltas, "SORT", &Delta::id);
    REQUIRE(sort != difference.deltas.end());
    CHECK(sort->per_transaction_after == doctest::Approx(400));
    CHECK(contains(sort->sentence, "0 → 400 µs per transaction"));
    CHECK(sort->per_backend_second_after < 0);  // no waiting time was captured
  }
}

}  // namespace pgflame::diagnose
