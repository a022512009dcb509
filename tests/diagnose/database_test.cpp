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
