#include "src/diagnose/rule_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "src/diagnose/rule_checks.h"

namespace pgflame::diagnose {
namespace {

constexpr std::array<std::string_view, 2> kRootKeys{"rule", "wait"};
constexpr std::array<std::string_view, 3> kAdviceKeys{"text", "since", "until"};
constexpr std::array<std::string_view, 8>
    kWaitKeys{"event", "source", "means", "do", "confirm", "refute", "database", "settings"};
constexpr std::array<std::string_view, 14> kMatchKeys{"frames",
                                                      "files",
                                                      "modules",
                                                      "under",
                                                      "within",
                                                      "not_under",
                                                      "not_within",
                                                      "calls",
                                                      "calls_within",
                                                      "not_calls",
                                                      "not_calls_within",
                                                      "leaf",
                                                      "backend_types",
                                                      "takes"};
// Beside those of a match, which may stand in the rule itself for its first match.
constexpr std::array<std::string_view, 28> kRuleKeys{
    "id",       "title",       "area",           "source",       "finding",     "match",
    "includes", "yields",      "through_nodes",  "needs",        "needs_share", "needs_below",
    "waits",    "areas",       "seen",           "means",        "do",          "confirm",
    "refute",   "database",    "settings",       "states",       "since",       "until",
    "shape",    "shape_share", "shape_children", "shape_entropy"};

struct NamedState {
  std::string_view name;
  State state;
};
constexpr std::array<NamedState, 3> kStates{
    {{"running", State::kRunning}, {"runnable", State::kRunnable}, {"waiting", State::kWaiting}}};

// More than any stack has frames, and than any major.
constexpr int64_t kLargestNumber = 65535;

}  // namespace

// Reads one TOML text into a book. The first error wins; every message has file and line.
class BookReader {
 public:
  BookReader(RuleBook& book, std::string_view file) : book_(book), file_(file) {}

  Status read(std::string_view text) {
    toml::table root;
    try {
      root = toml::parse(text, file_);
    } catch (const toml::parse_error& error) {
      return at(error.source(), std::string(error.description()));
    }
    allow(root, kRootKeys);
    each_table(root, "rule", [this](const toml::table& table) { read_rule(table); });
    each_table(root, "wait", [this](const toml::table& table) { read_wait(table); });
    if (error_) return fail(*std::move(error_));
    return {};
  }

 private:
  using Keys = std::span<const std::string_view>;

  std::string place(const toml::source_region& where) const {
    return fmt::format("{}:{}", file_, where.begin.line);
  }
  tl::unexpected<Error> at(const toml::source_region& where,
                           const std::string& what,
                           const std::string& hint = {}) const {
    return fail(ErrorKind::kUsage,
                fmt::format("{}: {}", place(where), what),
                hint.empty() ? "see 'pgflame rules --help' for the format" : hint);
  }
  void complain(const toml::node& where, const std::string& what, const std::string& hint = {}) {
    if (!error_) error_ = at(where.source(), what, hint).value();
  }
  // About a key of the table, or an element of its list.
  void complain(const toml::table& table, const Problem& problem) {
    const toml::node* node = problem.key.empty() ? nullptr : table.get(problem.key);
    const toml::array* list = node == nullptr ? nullptr : node->as_array();
    if (list != nullptr && problem.element < list->size()) node = list->get(problem.element);
    complain(node == nullptr ? table : *node, problem.what, problem.hint);
  }

  void allow(const toml::table& table, Keys keys, Keys more = {}) {
    for (const auto& [key, value] : table) {
      if (std::ranges::find(keys, key.str()) == keys.end() &&
          std::ranges::find(more, key.str()) == more.end())
        complain(value, fmt::format("unknown key '{}'", key.str()));
    }
  }

  template <typename Use>
  void each_table(const toml::table& table, std::string_view key, Use&& use) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr) return complain(*node, fmt::format("'{}' is not a list of tables", key));
    for (const toml::node& element : *array) {
      if (const toml::table* one = element.as_table()) {
        use(*one);
      } else {
        complain(element, fmt::format("'{}' is not a list of tables", key));
      }
    }
  }

  template <typename Value>
  Value scalar(const toml::table& table, std::string_view key, Value otherwise) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return otherwise;
    const auto value = node->value<Value>();
    if (!value) complain(*node, fmt::format("'{}' has the wrong type", key));
    return value.value_or(otherwise);
  }

  std::string text(const toml::table& table, std::string_view key) {
    return scalar<std::string>(table, key, {});
  }

  std::string needed_text(const toml::table& table, std::string_view key) {
    std::string value = text(table, key);
    if (value.empty()) complain(table, fmt::format("'{}' is missing or empty", key));
    return value;
  }

  uint32_t number(const toml::table& table, std::string_view key, uint32_t otherwise = 0) {
    const auto value = scalar<int64_t>(table, key, otherwise);
    if (value >= 0 && value <= kLargestNumber) return static_cast<uint32_t>(value);
    complain(*table.get(key), fmt::format("'{}' must lie between 0 and {}", key, kLargestNumber));
    return otherwise;
  }
  int major(const toml::table& table, std::string_view key) {
    return static_cast<int>(number(table, key));
  }

  // The value of a key, or each of them when it is a list.
  template <typename Use>
  void each_value(const toml::table& table, std::string_view key, Use&& use) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    if (const toml::array* array = node->as_array()) {
      for (const toml::node& one : *array)
        use(one);
    } else {
      use(*node);
    }
  }

  // A string or a list of strings.
  std::vector<std::string> texts(const toml::table& table, std::string_view key) {
    std::vector<std::string> values;
    each_value(table, key, [&](const toml::node& one) {
      const auto value = one.value<std::string>();
      if (!value || value->empty()) complain(one, fmt::format("'{}' wants text", key));
      values.push_back(value.value_or(""));
    });
    return values;
  }

  // Ids of rules. Whether they exist is seen when all files are read.
  std::vector<std::string> ids(const toml::table& table, std::string_view key, Rule& rule) {
    each_value(table, key, [&](const toml::node& one) {
      const auto id = one.value<std::string>();
      if (id && *id != "*") rule.named.push_back({*id, place(one.source())});
    });
    return texts(table, key);
  }

  NameSetId names(const toml::table& table, std::string_view key, std::string_view kind = "") {
    std::vector<std::string> patterns = texts(table, key);
    for (std::string& pattern : patterns)
      pattern.insert(0, kind);
    return book_.names_.add(patterns);
  }

  std::vector<Advice> advice(const toml::table& table, std::string_view key) {
    std::vector<Advice> values;
    each_value(table, key, [&](const toml::node& one) {
      if (const toml::table* bounded = one.as_table()) {
        values.push_back(bounded_advice(*bounded));
      } else if (const auto value = one.value<std::string>()) {
        values.push_back(Advice{*value});
      } else {
        complain(one, fmt::format("'{}' wants text", key));
      }
    });
    return values;
  }

  Advice bounded_advice(const toml::table& table) {
    allow(table, kAdviceKeys);
    Advice value{needed_text(table, "text"), major(table, "since"), major(table, "until")};
    if (value.until != 0 && value.since > value.until)
      complain(*table.get("until"), "'until' lies before 'since'");
    return value;
  }

  void read_match(const toml::table& table, Rule& rule) {
    Match match;
    match.frames = names(table, "frames");
    match.files = names(table, "files", kFileMark);
    match.modules = names(table, "modules", kModuleMark);
    match.under = names(table, "under");
    match.within = number(table, "within");
    match.not_under = names(table, "not_under");
    match.not_within = number(table, "not_within");
    match.calls = names(table, "calls");
    match.calls_within = number(table, "calls_within");
    match.not_calls = names(table, "not_calls");
    match.not_calls_within = number(table, "not_calls_within");
    match.leaf = scalar<bool>(table, "leaf", false);
    match.backend_types = texts(table, "backend_types");
    match.takes_ids = ids(table, "takes", rule);
    if (const auto problem = problem_of(match)) return complain(table, *problem);
    rule.matches.push_back(std::move(match));
  }

  void read_matches(const toml::table& table, Rule& rule) {
    const bool inline_match =
        std::ranges::any_of(kMatchKeys, [&](std::string_view key) { return table.contains(key); });
    if (inline_match) read_match(table, rule);
    each_table(table, "match", [&](const toml::table& match) {
      allow(match, kMatchKeys);
      read_match(match, rule);
    });
  }

  void read_rule(const toml::table& table) {
    allow(table, kRuleKeys, kMatchKeys);
    Rule rule;
    rule.id = needed_text(table, "id");
    rule.title = needed_text(table, "title");
    rule.area = needed_text(table, "area");
    rule.source = texts(table, "source");
    rule.finding = scalar<bool>(table, "finding", true);
    read_matches(table, rule);
    rule.includes_ids = ids(table, "includes", rule);
    rule.through_nodes = scalar<bool>(table, "through_nodes", false);
    rule.yields_ids = ids(table, "yields", rule);
    rule.needs = names(table, "needs");
    rule.needs_share = scalar<double>(table, "needs_share", 0);
    rule.needs_below = scalar<double>(table, "needs_below", 1);
    rule.waits = texts(table, "waits");
    rule.default_areas = texts(table, "areas");
    rule.database = texts(table, "database");
    rule.settings = texts(table, "settings");
    read_conditions(table, rule);
    rule.seen = text(table, "seen");
    rule.means = advice(table, "means");
    rule.actions = advice(table, "do");
    rule.confirm = advice(table, "confirm");
    rule.refute = text(table, "refute");
    if (const auto problem = problem_of(rule)) complain(table, *problem);
    store(std::move(rule));
  }

  // When the rule holds at all: majors, states, shape.
  void read_conditions(const toml::table& table, Rule& rule) {
    rule.since = major(table, "since");
    rule.until = major(table, "until");
    for (const std::string& state : texts(table, "states")) {
      const auto* const found = std::ranges::find(kStates, state, &NamedState::name);
      if (found == kStates.end()) {
        complain(*table.get("states"), fmt::format("there is no state '{}'", state));
      } else {
        rule.states.push_back(found->state);
      }
    }
    rule.shape.kind = shape(table);
    rule.shape.least_share = scalar<double>(table, "shape_share", rule.shape.least_share);
    rule.shape.least_entropy = scalar<double>(table, "shape_entropy", rule.shape.least_entropy);
    rule.shape.least_children = number(table, "shape_children", 5);
  }

  std::optional<Shape> shape(const toml::table& table) {
    const std::string name = text(table, "shape");
    if (name.empty()) return std::nullopt;
    if (name == "plateau") return Shape::kPlateau;
    if (name == "tower") return Shape::kTower;
    if (name == "jagged") return Shape::kJagged;
    complain(*table.get("shape"), fmt::format("there is no shape '{}'", name));
    return std::nullopt;
  }

  void store(Rule rule) {
    const RuleIndex old = book_.find(rule.id);
    if (old != kNoRule) {
      book_.rules_[old] = std::move(rule);
    } else {
      book_.rules_.push_back(std::move(rule));
    }
  }

  void read_wait(const toml::table& table) {
    allow(table, kWaitKeys);
    WaitAdvice wait;
    const std::vector<std::string> events = texts(table, "event");
    if (events.empty()) complain(table, "'event' is missing or empty");
    wait.source = texts(table, "source");
    wait.means = advice(table, "means");
    wait.actions = advice(table, "do");
    wait.confirm = advice(table, "confirm");
    wait.refute = text(table, "refute");
    wait.database = texts(table, "database");
    wait.settings = texts(table, "settings");
    for (size_t i = 0; i < events.size(); ++i) {
      wait.event = events[i];
      if (auto problem = problem_of(wait)) {
        if (problem->key == "event") problem->element = i;
        complain(table, *problem);
      }
      std::erase_if(book_.waits_, [&](const WaitAdvice& old) { return old.event == wait.event; });
      book_.waits_.push_back(wait);
    }
  }

  RuleBook& book_;
  std::string_view file_;
  std::optional<Error> error_;
};

Status read_book(std::string_view file, std::string_view text, RuleBook& book) {
  return BookReader(book, file).read(text);
}

}  // namespace pgflame::diagnose
