// The patterns pgflame knows, as data: which frames claim a sample, and what to say about it.
//
// The built-in book is src/diagnose/rules/*.toml; docs of the format are in rules/README.md. More
// books add rules or replace those with the same id.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/error.h"
#include "src/diagnose/name_sets.h"
#include "src/profile/profile.h"

namespace pgflame::diagnose {

// Prefixes that keep source files and modules apart from function names in the book's NameSets.
inline constexpr std::string_view kFileMark = "file:";
inline constexpr std::string_view kModuleMark = "module:";

using RuleIndex = uint16_t;
inline constexpr RuleIndex kNoRule = 0xffff;

// A set of rules: "*" or ids, resolved once the whole book is known.
struct RuleSet {
  bool all = false;
  std::vector<bool> members;

  bool contains(RuleIndex rule) const { return all || (rule < members.size() && members[rule]); }
};

// One way to recognise a rule's frame. The frame itself: any of the three sets.
struct Match {
  NameSetId frames = kNoNames;
  NameSetId files = kNoNames;    // source files of placed or debug-named functions
  NameSetId modules = kNoNames;  // file name of the module; "[kernel]", "[jit]"
  NameSetId under = kNoNames;    // one of its callers must be ...
  uint32_t within = 0;           // ... at most so many frames up; 0: anywhere
  NameSetId not_under = kNoNames;
  uint32_t not_within = 0;
  NameSetId calls = kNoNames;  // one of the frames it called must be ...
  uint32_t calls_within = 0;   // ... at most so many frames down; 0: anywhere
  NameSetId not_calls = kNoNames;
  uint32_t not_calls_within = 0;
  bool leaf = false;  // it is the innermost frame
  std::vector<std::string> backend_types;
  RuleSet takes;  // rules whose samples, met further in, belong to this rule instead
  std::vector<std::string> takes_ids;

  bool conditional() const {
    return under != kNoNames || calls != kNoNames || leaf || !backend_types.empty();
  }
};

// A text that is true for some majors only; 0 means unbounded.
struct Advice {
  std::string text;
  int since = 0;
  int until = 0;

  bool holds_for(int major) const {
    return major == 0 || ((since == 0 || major >= since) && (until == 0 || major <= until));
  }
  std::string majors() const;  // "since 14", "13 to 17", "up to 15"; "" for all
};

// Shapes as seen in a flame graph.
enum class Shape {
  kPlateau,  // one function's self time, summed over all its places, is wide
  kTower,    // wide, with one callee below that carries nearly all of it
  kJagged,   // wide, with many and small callees
};

// What a finding's samples have to look like; nothing is asked when `kind` is empty.
struct ShapeCondition {
  std::optional<Shape> kind;
  double least_share = 0.05;   // of all CPU: the function's self time, or the whole finding
  size_t least_children = 5;   // jagged: callees
  double least_entropy = 0.6;  // jagged: of the callees' shares, normalised to 0..1
};

// Another rule that a rule names, and where: "mine.toml:7".
struct NamedRule {
  std::string id;
  std::string place;
};

struct Rule {
  std::string id;
  std::string title;
  std::string area;
  std::vector<std::string> source;  // Postgres source files the facts come from
  bool finding = true;              // false: part of the split, but never written up
  std::vector<Match> matches;
  // The finding counts samples of these rules too when they were called from one of its frames;
  // calls through other plan nodes only with through_nodes.
  RuleSet includes;
  std::vector<std::string> includes_ids;
  bool through_nodes = false;
  // The finding stands behind one of these that makes most of it up and is included.
  RuleSet yields;
  std::vector<std::string> yields_ids;
  std::vector<NamedRule> named;  // all of includes, yields and takes but "*"
  // The finding needs these frames in at least needs_share of its samples, unless its share
  // reaches needs_below.
  NameSetId needs = kNoNames;
  double needs_share = 0;
  double needs_below = 1;
  int since = 0;  // majors that the rule is for; 0 unbounded
  int until = 0;
  std::vector<State> states;  // of the samples it speaks of; empty: running
  ShapeCondition shape;
  std::vector<std::string> database;  // what of --dsn is evidence; see database_facts.h
  std::vector<std::string> settings;  // whose values are shown beside it
  std::vector<std::string> waits;  // wait events that belong to it: "LWLock:*", "IO:DataFileRead"
  std::vector<std::string> default_areas;  // claims what no rule claimed in these areas
  std::string seen;                        // may be empty; slots, see evidence.h
  std::vector<Advice> means;
  std::vector<Advice> actions;
  std::vector<Advice> confirm;
  std::string refute;

  bool holds_for(int major) const { return Advice{{}, since, until}.holds_for(major); }
  bool speaks_of(State state) const {
    if (states.empty()) return state == State::kRunning;
    return std::find(states.begin(), states.end(), state) != states.end();
  }
};

// What to say about one wait event or a class of them.
struct WaitAdvice {
  std::string event;  // "LWLock:WALWrite", "IO:*"
  std::vector<std::string> source;
  std::vector<Advice> means;
  std::vector<Advice> actions;
  std::vector<Advice> confirm;
  std::string refute;                 // may be empty
  std::vector<std::string> database;  // as in rules
  std::vector<std::string> settings;
};

struct RuleText {
  std::string name;  // file name, for messages
  std::string text;  // TOML
};

class RuleBook {
 public:
  // The compiled-in book. Parsed once.
  static const RuleBook& builtin();
  // The built-in book with more rules; errors name the file and line. Rules may name rules of any
  // of the files.
  static Result<RuleBook> with(std::span<const RuleText> more);

  const std::vector<Rule>& rules() const { return rules_; }
  const std::vector<WaitAdvice>& waits() const { return waits_; }
  const NameSets& names() const { return names_; }
  RuleIndex find(std::string_view id) const;                  // kNoRule when there is none
  const WaitAdvice* find_wait(std::string_view event) const;  // best match for "IO:WALSync"

 private:
  friend class BookReader;
  Status resolve();
  std::vector<Rule> rules_;
  std::vector<WaitAdvice> waits_;
  NameSets names_;
};

// Whether "LWLock:WALWrite" is covered by "LWLock:*"; upper and lower case are the same.
bool covers(std::string_view pattern, std::string_view event);

}  // namespace pgflame::diagnose
