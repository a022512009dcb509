#include "src/report/redact.h"

#include <doctest/doctest.h>

#include "src/profile/pprof.h"
#include "src/report/report.h"
#include "tests/support/sample_report.h"

using namespace pgflame;
using namespace pgflame::report;

namespace {

constexpr RedactionKey kKey{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};

std::string bytes_up_to(char last) {
  std::string text;
  for (char c = 0; c <= last; ++c)
    text += c;
  return text;
}

Profile profile_with_secrets() {
  Profile profile = testing::sample_report().profile;
  profile.recording.host = "db-prod-secrethost";
  profile.recording.notes.emplace_back("the cache of secretdb on db-prod-secrethost was cold");
  profile.recording.command_line = "pgflame record -p /home/secretuser/data";
  profile.clusters[0].name = "secretcluster";
  profile.clusters[0].data_directory = "/home/secretuser/data";
  for (Backend& backend : profile.backends) {
    backend.database = "secretdb";
    backend.user = "secretuser";
    backend.application = "secretapp";
    backend.title = "postgres: secretuser secretdb";
  }
  profile.samples[0].application = profile.applications.add("secretapp before");
  for (Query& query : profile.queries)
    query.text = "select secretcolumn";
  DatabaseContext context;
  context.problems.emplace_back("cannot connect to the database: no pg_hba entry for secrethost");
  context.version = "18.1";
  context.database = "secretdb";
  StatementUse statement;
  statement.database = "secretdb";
  statement.text = "select secretcolumn";
  context.statements.push_back(statement);
  TableUse table;
  table.schema = table.parent_schema = "secretschema";
  table.name = table.parent = "secrettable";
  table.columns.push_back({"secretcolumn", "secrettype", 1, true, true});
  context.tables.push_back(table);
  Blocker blocker;
  blocker.user = "secretuser";
  blocker.application = "secretapp";
  blocker.lock_type = "relation";
  blocker.schema = "secretschema";
  blocker.relation = "secrettable";
  blocker.text = "select secretcolumn";
  context.blockers.push_back(blocker);
  context.transactions.push_back({1, "client backend", "active", 5, "select secretcolumn"});
  profile.database = context;
  for (Module& module : profile.modules) {
    if (module.kind == ModuleKind::kFile) module.path = "/home/secretuser/bin/postgres";
  }
  return profile;
}

}  // namespace

TEST_SUITE("report") {
  TEST_CASE("pseudonyms are SipHash-2-4") {
    // Test vectors of the paper's reference implementation.
    CHECK(pseudonym("x", "", kKey) == "x-726fdb47dd0e0e31");
    CHECK(pseudonym("x", bytes_up_to(0), kKey) == "x-74f839c593dc67fd");
    CHECK(pseudonym("x", bytes_up_to(14), kKey) == "x-a129ca6149be45e5");
  }

  TEST_CASE("no redacted name survives anywhere in report or capture") {
    const Profile redacted = redact(profile_with_secrets(), kKey);
    for (const Exposure& exposure : strings_in(redacted)) {
      CAPTURE(exposure.where);
      CAPTURE(exposure.text);
      CHECK(exposure.text.find("secret") == std::string::npos);
    }
    const auto reread = read_pprof(write_pprof(redacted));
    REQUIRE(reread);
    for (const Exposure& exposure : strings_in(*reread))
      CHECK(exposure.text.find("secret") == std::string::npos);
    diagnose::Diagnosis diagnosis;
    CHECK(to_svg(redacted, diagnosis).find("secret") == std::string::npos);
  }

  TEST_CASE("folders of modules survive neither in notes nor in the sampler's reason") {
    Profile profile = testing::sample_report().profile;
    profile.modules[ModuleId{0}] = {ModuleKind::kFile, "/home/alice/pg/bin/postgres", "44c0"};
    profile.modules[ModuleId{1}] = {
        ModuleKind::kFile, "/home/alice/pg/bin/postgres_fdw.so", "44c1"};
    profile.clusters[0].data_directory = "/home/alice/pg";
    profile.backends[BackendId{0}].user = "alice";
    profile.recording.notes = {
        "/home/alice/pg/bin/postgres was replaced; (/home/alice/pg/bin/postgres_fdw.so) too."};
    profile.recording.sampler_reason = "no symbols in /home/alice/pg/bin/postgres";
    const Profile redacted = redact(profile, kKey);
    CHECK(redacted.modules[ModuleId{0}].path == "postgres");
    CHECK(redacted.recording.notes[0] == "postgres was replaced; (postgres_fdw.so) too.");
    CHECK(redacted.recording.sampler_reason == "no symbols in postgres");
  }

  TEST_CASE("equal names stay equal, other keys give other names") {
    const Profile redacted = redact(profile_with_secrets(), kKey);
    CHECK(redacted.backends[BackendId{0}].user == redacted.backends[BackendId{1}].user);
    CHECK(redacted.backends[BackendId{0}].user == pseudonym("user", "secretuser", kKey));
    CHECK(pseudonym("user", "secretuser", {1, 2}) != pseudonym("user", "secretuser", kKey));
  }

  TEST_CASE("redaction keeps every sample") {
    const Profile profile = profile_with_secrets();
    const Profile redacted = redact(profile, kKey);
    CHECK(account(redacted).captured == account(profile).captured);
    CHECK(account(redacted).weight == account(profile).weight);
  }

  TEST_CASE("the strings of a capture and of its report are listed") {
    const Profile profile = profile_with_secrets();
    const auto has = [](const std::vector<Exposure>& list, std::string_view text) {
      for (const Exposure& exposure : list) {
        if (exposure.text.find(text) != std::string::npos) return true;
      }
      return false;
    };
    const auto listed = strings_in(profile);
    for (const char* text : {"secretdb",
                             "secretuser",
                             "secretapp",
                             "secretcolumn",
                             "secretcluster",
                             "db-prod-secrethost",
                             "ExecSeqScan",
                             "/home/secretuser/bin/postgres"}) {
      CAPTURE(text);
      CHECK(has(listed, text));
    }
    diagnose::Diagnosis diagnosis;
    diagnosis.verdict.text = "all <for> \"secretdb\"";
    const auto shown = strings_in_svg(to_svg(profile, diagnosis));
    CHECK(has(shown, "all <for> \"secretdb\""));
    CHECK(has(shown, "db-prod-secrethost"));
    CHECK(!has(shown, "use strict"));
  }

  TEST_CASE("listing the strings of broken markup ends") {
    for (const char* svg :
         {"", "<", "<<<<", "<style", "<style>", "<script>x", "a<b c=\"", "<metadata/>x"})
      CHECK_NOTHROW((void)strings_in_svg(svg));
  }
}
