#include "src/diagnose/rule_book.h"

#include <algorithm>
#include <array>
#include <set>

#include <doctest/doctest.h>

#include "src/diagnose/explain.h"
#include "src/postgres/areas.h"

namespace pgflame::diagnose {
namespace {

std::string error_of(const std::string& text) {
  const std::array<RuleText, 1> files{RuleText{"mine.toml", text}};
  const auto book = RuleBook::with(files);
  return book ? std::string("fine") : book.error().what;
}

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("the built-in book parses, and each finding cites its source and has all texts") {
    const auto book = RuleBook::with({});
    REQUIRE_MESSAGE(book, (book ? "" : book.error().what));
    std::set<std::string> ids;
    for (const Rule& rule : book->rules()) {
      CAPTURE(rule.id);
      CHECK(ids.insert(rule.id).second);
      CHECK(postgres::area_by_id(rule.area));
      if (!rule.finding) continue;
      CHECK_FALSE(rule.source.empty());
      CHECK_FALSE(rule.refute.empty());
      CHECK(rule.actions.size() >= 2);
    }
    for (const WaitAdvice& wait : book->waits()) {
      CAPTURE(wait.event);
      CHECK_FALSE(wait.source.empty());
      CHECK_FALSE(wait.actions.empty());
    }
    for (const char* id :
         {"DEFORM", "QUAL", "DYNA-BUF", "DYNA-LOCK", "HASHJOIN", "HASHAGG", "LWLOCK"})
      CHECK(ids.count(id) == 1);
  }

  TEST_CASE("every rule that another one names exists") {
    const RuleBook& book = RuleBook::builtin();
    for (const Rule& rule : book.rules()) {
      CAPTURE(rule.id);
      std::vector<std::string> named = rule.includes_ids;
      named.insert(named.end(), rule.yields_ids.begin(), rule.yields_ids.end());
      for (const Match& match : rule.matches)
        named.insert(named.end(), match.takes_ids.begin(), match.takes_ids.end());
      for (const std::string& id : named) {
        CAPTURE(id);
        CHECK((id == "*" || book.find(id) != kNoRule));
      }
    }
  }

  TEST_CASE("a broken rule file is refused with its line") {
    CHECK(error_of("[[rule]]\nid = \"X\"\ntitle = \"x\"\narea = \"nowhere\"\nfinding = false\n") ==
          "mine.toml:4: there is no area 'nowhere'");
    CHECK(
        error_of("[[rule]]\nid = \"X\"\ntitle = \"x\"\narea = \"heap\"\n") ==
        "mine.toml:1: rule 'X' needs 'means', 'do', 'confirm' and 'refute', or 'finding = false'");
    CHECK(error_of("\n\n[[rule]\n").starts_with("mine.toml:3: "));
    CHECK(error_of(
              "[[rule]]\nid = \"X\"\ntitle = \"x\"\narea = \"heap\"\nfinding = false\nfoo = 1\n") ==
          "mine.toml:6: unknown key 'foo'");
    CHECK(error_of("[[rule]]\nid = 3\ntitle = \"x\"\narea = \"heap\"\nfinding = false\n") ==
          "mine.toml:2: 'id' has the wrong type");
    CHECK(error_of("rule = 3\n") == "mine.toml:1: 'rule' is not a list of tables");
    CHECK(error_of("[[rule]]\nid=\"X\"\ntitle=\"x\"\narea=\"heap\"\nfinding=false\n[[rule.match]]"
                   "\nunder=\"y\"\n") ==
          "mine.toml:6: a match needs 'frames', 'files' or 'modules'");
  }

  TEST_CASE("a rule of the user's own replaces the built-in one of the same id") {
    const std::array<RuleText, 1> files{
        RuleText{"mine.toml",
                 "[[rule]]\nid = \"DEFORM\"\ntitle = \"mine\"\narea = \"heap\"\nfinding = "
                 "false\nframes = \"f*\"\n"
                 "[[rule]]\nid = \"NEW\"\ntitle = \"new\"\narea = \"heap\"\nfinding = "
                 "false\nframes = [\"g\"]\n"}};
    const auto book = RuleBook::with(files);
    REQUIRE(book);
    CHECK(book->rules()[book->find("DEFORM")].title == "mine");
    CHECK(book->find("NEW") != kNoRule);
    CHECK(book->rules().size() == RuleBook::builtin().rules().size() + 1);
  }

  TEST_CASE("one text may stand for several events, and say what would prove it wrong") {
    const std::array<RuleText, 1> files{RuleText{
        "mine.toml",
        "[[wait]]\nevent = [\"LWLock:Mine\", \"LWLock:Yours*\", \"IO:*\"]\nmeans = \"ours\"\n"
        "do = \"wait\"\nrefute = \"it is not so\"\n"}};
    const auto book = RuleBook::with(files);
    REQUIRE(book);
    for (const char* event : {"LWLock:Mine", "LWLock:YoursToo", "IO:VersionFileSync"}) {
      CAPTURE(event);
      const WaitAdvice* advice = book->find_wait(event);
      REQUIRE(advice != nullptr);
      CHECK(advice->means.at(0).text == "ours");
      CHECK(advice->refute == "it is not so");
    }
    CHECK(std::ranges::count(book->waits(), "IO:*", &WaitAdvice::event) == 1);
    const auto page = explain_topic("LWLock:Mine", *book);
    REQUIRE(page);
    CHECK(page->find("Would be wrong if\n  it is not so\n") != std::string::npos);
  }

  TEST_CASE("name patterns match exactly, at the start, at the end and with stars anywhere") {
    NameSets sets;
    const NameSetId exact = sets.add({"hash_search"});
    const NameSetId start = sets.add({"hash_*"});
    const NameSetId end = sets.add({"*_MatchText"});
    const NameSetId middle = sets.add({"*Match*"});
    const NameSetId inner = sets.add({"Exec*Triggers"});
    CHECK(sets.add({}) == kNoNames);
    const auto found = [&](std::string_view name) {
      std::vector<NameSetId> hits;
      sets.find(name, hits);
      return std::set<NameSetId>(hits.begin(), hits.end());
    };
    CHECK(found("hash_search") == std::set{exact, start});
    CHECK(found("hash_searching") == std::set{start});
    CHECK(found("UTF8_MatchText") == std::set{end, middle});
    CHECK(found("MatchTextX") == std::set{middle});
    CHECK(found("ExecARInsertTriggers") == std::set{inner});
    CHECK(found("ExecARInsertTriggersX").empty());
    CHECK(found("other").empty());
  }

  TEST_CASE("every pattern at the start of a name is found, however they are nested") {
    NameSets sets;
    const std::array<std::string, 8> starts{"", "a", "ab", "abc", "abd", "abda", "b", "zz"};
    std::vector<NameSetId> ids;
    for (const std::string& start : starts)
      ids.push_back(sets.add({start + "*"}));
    for (const std::string_view name : {"",
                                        "a",
                                        "aa",
                                        "ab",
                                        "abb",
                                        "abc",
                                        "abcd",
                                        "abd",
                                        "abdaa",
                                        "abe",
                                        "c",
                                        "z",
                                        "zz",
                                        "zzz"}) {
      CAPTURE(name);
      std::vector<NameSetId> hits;
      sets.find(name, hits);
      for (size_t i = 0; i < starts.size(); ++i) {
        CAPTURE(starts[i]);
        CHECK(std::ranges::count(hits, ids[i]) == (name.starts_with(starts[i]) ? 1 : 0));
      }
    }
  }
}

}  // namespace pgflame::diagnose
