// Conditions on whole findings: majors, states, shapes; and ties between findings.
#include <algorithm>
#include <array>

#include <doctest/doctest.h>

#include "src/diagnose/diagnose.h"
#include "tests/support/profile_text.h"

namespace pgflame::diagnose {
namespace {

using testing::profile_from_folded;

constexpr const char* kTexts =
    "means = \"m\"\ndo = \"d\"\nconfirm = \"c\"\nrefute = \"r\"\nsource = [\"s\"]\n";

RuleBook book_with(const std::string& conditions) {
  const std::array<RuleText, 1> files{
      RuleText{"mine.toml",
               "[[rule]]\nid = \"MINE\"\ntitle = \"mine\"\narea = \"heap\"\n" +
                   std::string(kTexts) + conditions}};
  auto book = RuleBook::with(files);
  REQUIRE_MESSAGE(book, (book ? "" : book.error().what));
  return *std::move(book);
}

std::string error_of(const std::string& conditions) {
  const std::array<RuleText, 1> files{
      RuleText{"mine.toml",
               "[[rule]]\nid = \"MINE\"\ntitle = \"mine\"\narea = \"heap\"\n" + conditions +
                   std::string(kTexts)}};
  const auto book = RuleBook::with(files);
  return book ? "fine" : book.error().what;
}

bool finds(const RuleBook& book, const Profile& profile) {
  Options options;
  options.rules = &book;
  const Diagnosis diagnosis = diagnose(profile, options);
  return std::ranges::find(diagnosis.findings, "MINE", &Finding::id) != diagnosis.findings.end();
}

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("a rule holds for its majors only") {
    Profile profile = profile_from_folded("_start;main;mine_function 100");
    profile.clusters.push_back({1, 5432, 15, "15.18", "", ""});
    CHECK(finds(book_with("frames = [\"mine_function\"]\n"), profile));
    CHECK(finds(book_with("frames = [\"mine_function\"]\nsince = 14\nuntil = 15\n"), profile));
    CHECK(!finds(book_with("frames = [\"mine_function\"]\nsince = 16\n"), profile));
    CHECK(!finds(book_with("frames = [\"mine_function\"]\nuntil = 14\n"), profile));
  }

  TEST_CASE("how far down a called frame may be has a limit when one is given") {
    const Profile profile = profile_from_folded("_start;main;mine_function;a;b;c 100");
    const std::string frame = "frames = [\"mine_function\"]\n";
    const auto found = [&](const std::string& condition) {
      CAPTURE(condition);
      return finds(book_with(frame + condition), profile);
    };
    CHECK(found("calls = [\"c\"]\n"));
    CHECK(found("calls = [\"c\"]\ncalls_within = 3\n"));
    CHECK(found("calls = [\"c\"]\ncalls_within = 99\n"));
    CHECK(!found("calls = [\"c\"]\ncalls_within = 2\n"));
    CHECK(found("calls = [\"a\"]\ncalls_within = 1\n"));
    CHECK(!found("not_calls = [\"b\"]\n"));
    CHECK(!found("not_calls = [\"b\"]\nnot_calls_within = 2\n"));
    CHECK(found("not_calls = [\"b\"]\nnot_calls_within = 1\n"));
    CHECK(!found("calls = [\"main\"]\ncalls_within = 9\n"));
  }

  TEST_CASE("a rule may ask for a shape") {
    const Profile plateau = profile_from_folded("_start;main;mine_function 100");
    const Profile tower = profile_from_folded("_start;main;mine_function;a;b;c 100");
    const Profile jagged = profile_from_folded(R"(
      _start;main;mine_function;a 20
      _start;main;mine_function;b 20
      _start;main;mine_function;c 20
      _start;main;mine_function;d 20
      _start;main;mine_function;e 20
    )");
    const std::string frame = "frames = [\"mine_function\"]\n";
    struct Case {
      const char* condition;
      bool on_plateau, on_tower, on_jagged;
    };
    for (const Case& c : {Case{"", true, true, true},
                          Case{"shape = \"plateau\"\n", true, true, true},
                          Case{"shape = \"plateau\"\nshape_share = 0.5\n", true, true, false},
                          Case{"shape = \"tower\"\n", false, true, false},
                          Case{"shape = \"jagged\"\n", false, false, true},
                          Case{"shape = \"jagged\"\nshape_children = 6\n", false, false, false}}) {
      CAPTURE(c.condition);
      const RuleBook book = book_with(frame + c.condition);
      CHECK(finds(book, plateau) == c.on_plateau);
      CHECK(finds(book, tower) == c.on_tower);
      CHECK(finds(book, jagged) == c.on_jagged);
    }
  }

  TEST_CASE("a rule may speak of waiting samples, by event and by frame") {
    Profile profile = profile_from_folded("_start;main;mine_function 100");
    profile.recording.has_waits = true;
    Sample waiting = profile.samples[0];
    waiting.state = State::kWaiting;
    waiting.wait_event = 0x03000000;  // Lock:relation
    waiting.count = 50;
    waiting.weight = 1'000'000'000;
    profile.samples.push_back(waiting);
    const std::string state = "states = [\"waiting\"]\n";
    CHECK(finds(book_with(state + "waits = [\"Lock:*\"]\n"), profile));
    CHECK(!finds(book_with(state + "waits = [\"IO:*\"]\n"), profile));
    CHECK(
        finds(book_with(state + "waits = [\"Lock:*\"]\nframes = [\"mine_function\"]\n"), profile));
    CHECK(!finds(book_with(state + "frames = [\"another_function\"]\n"), profile));
    const std::string frame = "frames = [\"mine_function\"]\n";
    CHECK(!finds(book_with("states = [\"runnable\"]\n" + frame), profile));
  }

  TEST_CASE("a condition that nobody knows is refused with its line") {
    CHECK(error_of("shape = \"cube\"\n") == "mine.toml:5: there is no shape 'cube'");
    CHECK(error_of("states = [\"asleep\"]\n") == "mine.toml:5: there is no state 'asleep'");
    CHECK(error_of("since = 16\nuntil = 15\n") == "mine.toml:6: 'until' lies before 'since'");
    CHECK(error_of("database = [\"weather\"]\n") ==
          "mine.toml:5: 'database' knows no topic 'weather'");
    CHECK(error_of("shape_share = \"wide\"\n") == "mine.toml:5: 'shape_share' has the wrong type");
  }

  TEST_CASE("two findings that the samples cannot rank are called a tie") {
    const auto diagnosis_of = [](int sorts, int scans) {
      return diagnose(profile_from_folded(
          "_start;main;ExecSort;tuplesort_performsort " + std::to_string(sorts) +
          "\n_start;main;ExecSeqScan;heap_getnextslot " + std::to_string(scans)));
    };
    const Diagnosis tie = diagnosis_of(105, 100);
    REQUIRE(tie.findings.size() == 2);
    CHECK(tie.findings[0].tied_with == tie.findings[1].id);
    CHECK(tie.findings[1].tied_with == tie.findings[0].id);
    CHECK(tie.findings[0].headline.find("a tie with sequential scan") != std::string::npos);
    CHECK(tie.verdict.text.find("a tie at this number of samples") != std::string::npos);
    const Diagnosis clear = diagnosis_of(300, 100);
    REQUIRE(clear.findings.size() == 2);
    CHECK(clear.findings[0].tied_with.empty());
  }

  TEST_CASE("a pattern and one that it counts are no tie") {
    const Diagnosis diagnosis = diagnose(profile_from_folded(R"(
      _start;main;ExecSeqScan;ExecInterpExpr;textlike 100
      _start;main;ExecSeqScan;ExecInterpExpr 5
    )"));
    REQUIRE(diagnosis.findings.size() >= 2);
    CHECK(diagnosis.findings[0].tied_with.empty());
  }

  TEST_CASE("a finding says under which plan node it runs") {
    const Diagnosis diagnosis = diagnose(profile_from_folded(
        "_start;main;ExecHashJoin;ExecProcNode;ExecSeqScan;ExecScan;tts_buffer_heap_getsomeattrs "
        "100"));
    REQUIRE(!diagnosis.findings.empty());
    CHECK(diagnosis.findings[0].seen.find(
              "It runs under the Seq Scan below the Hash Join (100 %).") != std::string::npos);
  }

  TEST_CASE("unnamed functions of a module that a rule knows never cost the findings") {
    const auto grade_of = [](const char* path, ModuleKind kind) {
      Profile profile = profile_from_folded("_start;main;exec_simple_query;leaf 1000");
      const ModuleId module = profile.modules.add(Module{kind, path, ""});
      for (Function& function : profile.functions) {
        if (function.name != "leaf") continue;
        function.tier = NameTier::kNone;
        function.unnamed = Unnamed::kNoSymbols;
        function.module = module;
      }
      return diagnose(profile).quality.grade;
    };
    CHECK(grade_of("/usr/lib/postgresql/15/lib/plpgsql.so", ModuleKind::kFile) == 'C');
    CHECK(grade_of("/usr/lib/postgresql/15/lib/nobody_knows.so", ModuleKind::kFile) == 'F');
    // The vDSO reads the clock, whatever its functions are called.
    CHECK(grade_of("[vdso]", ModuleKind::kVdso) == 'A');
  }

  TEST_CASE("unnamed functions of the server are not what a module around them is") {
    const auto activity_of = [](const char* innermost) {
      Profile profile = profile_from_folded("statement_hook;innermost 100");
      for (Function& function : profile.functions) {
        const bool hook = function.name == "statement_hook";
        const char* path = hook ? "/usr/lib/postgresql/15/lib/pg_stat_statements.so" : innermost;
        function.module = profile.modules.add(Module{ModuleKind::kFile, path, ""});
        function.tier = NameTier::kNone;
      }
      return diagnose(profile).activities.front().id;
    };
    CHECK(activity_of("/usr/lib/postgresql/15/bin/postgres") == "UNCLASSIFIED");
    CHECK(activity_of("/usr/lib/x86_64-linux-gnu/libc.so.6") == "SESSION");
  }

  TEST_CASE("the share of the backends' time that samples account for is told") {
    Profile profile = profile_from_folded("_start;main;ExecSeqScan 1000");  // 1 s
    CHECK(diagnose(profile).totals.explained_wall == -1);
    profile.recording.has_waits = true;
    profile.recording.lifetime_ns = 4'000'000'000;
    Sample waiting = profile.samples[0];
    waiting.state = State::kIdle;
    waiting.weight = 2'000'000'000;
    profile.samples.push_back(waiting);
    CHECK(diagnose(profile).totals.explained_wall == doctest::Approx(0.75));
  }
}

}  // namespace pgflame::diagnose
