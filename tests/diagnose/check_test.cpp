#include "src/diagnose/check.h"

#include <doctest/doctest.h>

#include "src/diagnose/diagnose.h"
#include "src/diagnose/explain.h"
#include "tests/support/profile_text.h"

namespace pgflame::diagnose {
namespace {

bool meets(const Diagnosis& diagnosis, std::string_view text) {
  const auto condition = parse_condition(text, RuleBook::builtin());
  REQUIRE(condition);
  return check(*condition, diagnosis).holds;
}

std::string refusal(std::string_view text) {
  const auto condition = parse_condition(text, RuleBook::builtin());
  return condition ? std::string() : condition.error().what;
}

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("a condition compares the share of a pattern with a limit") {
    const Diagnosis diagnosis = diagnose(testing::profile_from_folded(R"(
      _start;main;standard_planner 25
      _start;main;tts_buffer_heap_getsomeattrs 65
      _start;main;nobody 10
    )"));
    CHECK(meets(diagnosis, "PLAN>20%"));
    CHECK_FALSE(meets(diagnosis, "PLAN>25%"));
    CHECK(meets(diagnosis, " PLAN >= 0.25 "));
    CHECK(meets(diagnosis, "DEFORM<=65%"));
    CHECK(meets(diagnosis, "unclassified>=10%"));
    CHECK_FALSE(meets(diagnosis, "lost>0"));
  }

  TEST_CASE("samples that carry no findings cannot pass a pattern's condition") {
    Profile profile = testing::profile_from_folded("ExecSeqScan;slot_deform_heap_tuple 1000");
    for (Sample& sample : profile.samples)
      sample.end = StackEnd::kTruncated;
    const Diagnosis diagnosis = diagnose(profile);
    const auto checked = [&](std::string_view text) {
      return check(*parse_condition(text, RuleBook::builtin()), diagnosis);
    };
    CHECK_FALSE(checked("SORT>5%").told);
    CHECK_FALSE(checked("SORT>5%").holds);
    CHECK(checked("SORT>5%").sentence.starts_with("SORT cannot be told: "));
    CHECK(checked("truncated>5%").told);
    CHECK(checked("truncated>5%").holds);
  }

  TEST_CASE("samples of what ran on CPUs say nothing about waiting") {
    const auto checked = [](bool has_waits, std::string_view text) {
      Profile profile = testing::profile_from_folded("_start;main;ExecSeqScan 1000");
      profile.recording.has_waits = has_waits;
      return check(*parse_condition(text, RuleBook::builtin()), diagnose(profile));
    };
    for (const std::string id : {"WAIT-LOCK", "WAIT-IO", "RUNQ"}) {
      const Checked untold = checked(false, id + ">=1%");
      CHECK_FALSE(untold.told);
      CHECK(untold.sentence == id + " cannot be told: only time on a CPU was captured");
      CHECK(checked(true, id + ">=1%").told);
      CHECK(checked(true, id + "<1%").holds);
    }
    CHECK(checked(false, "SEQSCAN<1%").told);
  }

  TEST_CASE("a condition that cannot be met as written is refused") {
    CHECK(refusal("PLAN") == "'PLAN' is not a condition");
    CHECK(refusal("PLAN>lots") == "'lots' is not a share in 'PLAN>lots'");
    CHECK(refusal("PLAN>120%") == "'120%' is not a share in 'PLAN>120%'");
    CHECK(refusal("PLAN>nan") == "'nan' is not a share in 'PLAN>nan'");
    CHECK(refusal("PLANS>20%") == "there is no pattern 'PLANS'");
    CHECK(refusal(">20%") == "there is no pattern ''");
    CHECK(refusal("WAIT-LOKC>5%") == "there is no pattern 'WAIT-LOKC'");
    CHECK(refusal("WAIT-lock>5%") == "there is no pattern 'WAIT-lock'");
    CHECK(refusal("WAIT->5%") == "there is no pattern 'WAIT-'");
    CHECK(refusal("RUNQQ>5%") == "there is no pattern 'RUNQQ'");
  }

  TEST_CASE("a condition may be about every class of waits that is written up, and the run queue") {
    for (const char* id : {"WAIT-LWLOCK",
                           "WAIT-LOCK",
                           "WAIT-IO",
                           "WAIT-IPC",
                           "WAIT-CLIENT",
                           "WAIT-TIMEOUT",
                           "WAIT-BUFFERPIN",
                           "WAIT-BUFFER",
                           "WAIT-EXTENSION",
                           "WAIT-SPIN",
                           "RUNQ"}) {
      CAPTURE(id);
      CHECK(refusal(std::string(id) + ">5%").empty());
    }
  }

  TEST_CASE("a page names what is known about a pattern, an event and a function") {
    const RuleBook& book = RuleBook::builtin();
    const auto rule = explain_topic("dyna-lock", book);
    REQUIRE(rule);
    CHECK(rule->starts_with("DYNA-LOCK: lock table lookups"));
    CHECK(rule->find("(up to 17) The fast path holds 16") != std::string::npos);
    const auto old = explain_topic("DYNA-LOCK", book, 15);
    REQUIRE(old);
    CHECK(old->find("from 18 on") == std::string::npos);
    CHECK(explain_topic("LWLock:WALWrite", book)->starts_with("Wait event LWLock:WALWrite"));
    CHECK(explain_topic("WalSync", book)->starts_with("Wait event IO:WALSync"));
    CHECK(explain_topic("runq", book)->starts_with("RUNQ: waiting for a CPU"));
    CHECK(explain_topic("VMSKID", book)->find("finish_task_switch") != std::string::npos);
    CHECK(explain_topic("WAIT-LOCK", book)->starts_with("Wait event Lock:*"));
    CHECK(explain_topic("ExecHashJoin", book)->find("plan node: Hash Join") != std::string::npos);
    CHECK_FALSE(explain_topic("no_such_thing", book));
  }
}

}  // namespace pgflame::diagnose
