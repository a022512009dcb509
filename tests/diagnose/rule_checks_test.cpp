// Rules that parse and name nothing, or ask for what cannot be.
#include <array>
#include <span>

#include <doctest/doctest.h>

#include "src/diagnose/rule_book.h"

namespace pgflame::diagnose {
namespace {

// What is said about a rule of four lines with more lines below.
std::string rule_with(const std::string& lines) {
  const std::array<RuleText, 1> files{RuleText{
      "mine.toml",
      "[[rule]]\nid = \"MINE\"\ntitle = \"mine\"\narea = \"heap\"\n" + lines +
          "\nmeans = \"m\"\ndo = \"d\"\nconfirm = \"c\"\nrefute = \"r\"\nsource = [\"s\"]\n"}};
  const auto book = RuleBook::with(files);
  return book ? "fine" : book.error().what;
}

std::string wait_with(const std::string& lines) {
  const std::array<RuleText, 1> files{
      RuleText{"mine.toml", "[[wait]]\n" + lines + "\nmeans = \"m\"\n"}};
  const auto book = RuleBook::with(files);
  return book ? "fine" : book.error().what;
}

std::string waits_of(const std::string& event) {
  return rule_with("states = [\"waiting\"]\nwaits = [\"" + event + "\"]");
}

constexpr const char* kFrame = "frames = [\"f\"]\n";

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("a rule that names another one that nobody has is refused") {
    CHECK(rule_with("frames = [\"f\"]\nincludes = [\"SORT\",\n  \"SORTS\"]") ==
          "mine.toml:7: there is no rule 'SORTS'");
    CHECK(rule_with(kFrame + std::string("yields = [\"NOBODY\"]")) ==
          "mine.toml:6: there is no rule 'NOBODY'");
    CHECK(rule_with(kFrame + std::string("takes = [\"NOBODY\"]")) ==
          "mine.toml:6: there is no rule 'NOBODY'");
    CHECK(
        rule_with(kFrame + std::string("includes = [\"*\"]\nyields = [\"*\"]\ntakes = [\"*\"]")) ==
        "fine");
  }

  TEST_CASE("a rule may name one that stands below it or in a later file") {
    const std::string start = "[[rule]]\ntitle = \"t\"\narea = \"heap\"\nfinding = false\n";
    const std::array<RuleText, 2> files{
        RuleText{"a.toml",
                 start + "id = \"A\"\nframes = [\"a\"]\nincludes = [\"B\", \"C\"]\n" + start +
                     "id = \"B\"\nframes = [\"b\"]\n"},
        RuleText{"c.toml", start + "id = \"C\"\nframes = [\"c\"]\n"}};
    CHECK(RuleBook::with(files));
    const auto without = RuleBook::with(std::span(files).first(1));
    REQUIRE_FALSE(without);
    CHECK(without.error().what == "a.toml:7: there is no rule 'C'");
    const std::array<RuleText, 1> in_match{RuleText{
        "e.toml", start + "id = \"E\"\n[[rule.match]]\nframes = [\"e\"]\ntakes = [\"NOBODY\"]\n"}};
    const auto unknown = RuleBook::with(in_match);
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().what == "e.toml:8: there is no rule 'NOBODY'");
    // The one that names it is replaced by one that does not.
    const std::array<RuleText, 2> replaced{
        files[0], RuleText{"d.toml", start + "id = \"A\"\nframes = [\"a\"]\n"}};
    CHECK(RuleBook::with(replaced));
  }

  TEST_CASE("areas, settings and types of backends have to exist") {
    CHECK(rule_with("areas = [\"sort\",\n\"sorting\"]") ==
          "mine.toml:6: there is no area 'sorting'");
    CHECK(rule_with(kFrame + std::string("settings = [\"work_mem\", \"wrok_mem\"]")) ==
          "mine.toml:6: --dsn does not ask for the setting 'wrok_mem'");
    CHECK(rule_with(kFrame + std::string("backend_types = [\"walsender\", \"vacuum worker\"]")) ==
          "mine.toml:6: there is no type of backends 'vacuum worker'");
    CHECK(rule_with(kFrame + std::string("backend_types = [\"client backend\"]")) == "fine");
  }

  TEST_CASE("wait events have to exist where PostgreSQL alone names them") {
    for (const char* event : {"LWLock:WALWrite",
                              "LWLock:my_extension",
                              "lwlock:*",
                              "Extension:PgCronMain",
                              "InjectionPoint:anything",
                              "Spin:*",
                              "Buffer:BufferShared",
                              "BufferPin:*",
                              "IO:walsync",
                              "IO:BufFile*",
                              "Lock:transactionid",
                              "Activity:*"}) {
      CAPTURE(event);
      CHECK(waits_of(event) == "fine");
    }
    CHECK(waits_of("LWLok:WALWrite") == "mine.toml:6: there is no class of wait events 'LWLok'");
    CHECK(waits_of("IO:DataFileReed") ==
          "mine.toml:6: there is no wait event 'IO:DataFileReed' in PostgreSQL 13 to 19");
    CHECK(waits_of("Lock:Data*") ==
          "mine.toml:6: there is no wait event 'Lock:Data*' in PostgreSQL 13 to 19");
    for (const char* event : {"WALWrite", "*", "IO:", ":WALSync", "IO:*Read", "I*:WALSync"}) {
      CAPTURE(event);
      CHECK(waits_of(event) ==
            "mine.toml:6: '" + std::string(event) + "' is not written like a wait event");
    }
    CHECK(wait_with("event = \"IPX:*\"") == "mine.toml:2: there is no class of wait events 'IPX'");
    CHECK(wait_with("event = [\"IO:*\",\n\"IO:Nothing\"]") ==
          "mine.toml:3: there is no wait event 'IO:Nothing' in PostgreSQL 13 to 19");
    CHECK(wait_with("event = \"IO:*\"\nsettings = [\"no\"]") ==
          "mine.toml:3: --dsn does not ask for the setting 'no'");
    CHECK(wait_with("event = []") == "mine.toml:1: 'event' is missing or empty");
    CHECK(wait_with("source = []") == "mine.toml:1: 'event' is missing or empty");
  }

  TEST_CASE("distances and shares that cannot be are refused") {
    const std::string under = kFrame + std::string("under = [\"g\"]\n");
    CHECK(rule_with(under + "within = 3") == "fine");
    CHECK(rule_with(under + "within = -1") == "mine.toml:7: 'within' must lie between 0 and 65535");
    CHECK(rule_with(under + "within = 4294967297") ==
          "mine.toml:7: 'within' must lie between 0 and 65535");
    CHECK(rule_with(under + "not_within = -1") ==
          "mine.toml:7: 'not_within' must lie between 0 and 65535");
    CHECK(rule_with(under + "not_within = 2") ==
          "mine.toml:7: 'not_within' says nothing without 'not_under' beside it");
    CHECK(rule_with(under + "calls_within = 2") ==
          "mine.toml:7: 'calls_within' says nothing without 'calls' beside it");
    CHECK(rule_with(under + "since = -13") == "mine.toml:7: 'since' must lie between 0 and 65535");
    for (const char* key : {"shape_share", "shape_entropy", "needs_share", "needs_below"}) {
      const std::string line = kFrame + std::string(key);
      CAPTURE(key);
      CHECK(rule_with(line + " = 0.5") == "fine");
      CHECK(rule_with(line + " = 1") == "fine");
      for (const char* value : {"1.01", "-0.1", "20", "nan", "inf"})
        CHECK(rule_with(line + " = " + value) ==
              "mine.toml:6: '" + std::string(key) + "' is a share, from 0 to 1");
    }
    CHECK(rule_with(kFrame + std::string("shape_children = -5")) ==
          "mine.toml:6: 'shape_children' must lie between 0 and 65535");
  }

  TEST_CASE("advice for no major at all is refused") {
    CHECK(wait_with("event = \"IO:*\"\ndo = [{ text = \"t\", since = 17, until = 17 }]") == "fine");
    CHECK(wait_with("event = \"IO:*\"\ndo = [{ text = \"t\", since = 17, until = 16 }]") ==
          "mine.toml:3: 'until' lies before 'since'");
  }

  TEST_CASE("a finding has to claim something") {
    const std::string nothing =
        "mine.toml:1: rule 'MINE' claims nothing: it has no 'frames', 'files', 'modules' or "
        "'areas', nor 'waits' with the state waiting";
    CHECK(rule_with("") == nothing);
    CHECK(rule_with("waits = [\"IO:*\"]") == nothing);
    CHECK(rule_with("finding = false") == "fine");
    for (const char* claim : {"frames = \"f\"",
                              "files = \"f.c\"",
                              "modules = \"m.so\"",
                              "areas = [\"sort\"]",
                              "waits = [\"IO:*\"]\nstates = [\"waiting\"]"}) {
      CAPTURE(claim);
      CHECK(rule_with(claim) == "fine");
    }
  }

  TEST_CASE("what off-CPU samples are not asked for is refused when a rule has no others") {
    for (const char* key : {"shape = \"tower\"",
                            "needs = [\"g\"]",
                            "yields = [\"SORT\"]",
                            "areas = "
                            "[\"sort\"]"}) {
      CAPTURE(key);
      const std::string lines = kFrame + std::string(key);
      const std::string name = std::string(key).substr(0, std::string(key).find(' '));
      for (const char* states :
           {"\nstates = [\"waiting\"]", "\nstates = [\"runnable\", \"waiting\"]"})
        CHECK(rule_with(lines + states) ==
              "mine.toml:6: '" + name +
                  "' looks at running samples only, and 'states' leaves those out");
      CHECK(rule_with(lines + "\nstates = [\"running\", \"waiting\"]") == "fine");
      CHECK(rule_with(lines) == "fine");
    }
  }
}

}  // namespace pgflame::diagnose
