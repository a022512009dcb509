#include "src/diagnose/rule_reader.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "src/diagnose/database_facts.h"
#include "src/postgres/areas.h"

namespace pgflame::diagnose {
namespace {

constexpr std::array<std::string_view, 2> kRootKeys{"rule", "wait"};
constexpr std::array<std::string_view, 3> kAdviceKeys{"text", "since", "until"};
constexpr std::array<std::string_view, 7>
    kWaitKeys{"event", "source", "means", "do", "confirm", "database", "settings"};
constexpr std::array<std::string_view, 12> kMatchKeys{"frames",
                                                      "files",
                                                      "modules",
                                                      "under",
                                                      "within",
                                                      "not_under",
                                                      "not_within",
                                                      "calls",
                                                      "not_calls",
                                                      "leaf",
                                                      "backend_types",
                                                      "takes"};
// The keys of a match may stand in the rule itself too, for its first match.
constexpr std::array<std::string_view, 40> kRuleKeys{
    "id",       "title",       "area",           "source",       "finding",     "match",
    "includes", "yields",      "through_nodes",  "needs",        "needs_share", "needs_below",
    "waits",    "areas",       "seen",           "means",        "do",          "confirm",
    "refute",   "frames",      "files",          "modules",      "under",       "within",
    "calls",    "not_under",   "not_within",     "not_calls",    "leaf",        "backend_types",
    "takes",    "database",    "settings",       "states",       "since",       "until",
    "shape",    "shape_share", "shape_children", "shape_entropy"};

struct NamedState {
  std::string_view name;
  State state;
};
constexpr std::array<NamedState, 3> kStates{
    {{"running", State::kRunning}, {"runnable", State::kRunnable}, {"waiting", State::kWaiting}}};

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

  tl::unexpected<Error> at(const toml::source_region& where, const std::string& what) const {
    return fail(ErrorKind::kUsage,
                fmt::format("{}:{}: {}", file_, where.begin.line, what),
                "see 'pgflame rules --help' for the format");
  }
  void complain(const toml::node& where, const std::string& what) {
    if (!error_) error_ = at(where.source(), what).value();
  }

  void allow(const toml::table& table, Keys keys) {
    for (const auto& [key, value] : table) {
      if (std::ranges::find(keys, key.str()) == keys.end())
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

  // A string or a list of strings.
  std::vector<std::string> texts(const toml::table& table, std::string_view key) {
    std::vector<std::string> values;
    const toml::node* node = table.get(key);
    if (node == nullptr) return values;
    const auto take = [&](const toml::node& one) {
      const auto value = one.value<std::string>();
      if (!value || value->empty() || *value == "*") {
        if (!value || value->empty()) complain(one, fmt::format("'{}' wants text", key));
      }
      values.push_back(value.value_or(""));
    };
    if (const toml::array* array = node->as_array()) {
      for (const toml::node& one : *array)
        take(one);
    } else {
      take(*node);
    }
    return values;
  }

  NameSetId names(const toml::table& table, std::string_view key, std::string_view kind = "") {
    std::vector<std::string> patterns = texts(table, key);
    for (std::string& pattern : patterns)
      pattern.insert(0, kind);
    return book_.names_.add(patterns);
  }

  std::vector<Advice> advice(const toml::table& table, std::string_view key) {
    std::vector<Advice> values;
    const auto take = [&](const toml::node& one) {
      if (const toml::table* bounded = one.as_table()) {
        allow(*bounded, kAdviceKeys);
        values.push_back(Advice{needed_text(*bounded, "text"),
                                static_cast<int>(scalar<int64_t>(*bounded, "since", 0)),
                                static_cast<int>(scalar<int64_t>(*bounded, "until", 0))});
      } else if (const auto value = one.value<std::string>()) {
        values.push_back(Advice{*value});
      } else {
        complain(one, fmt::format("'{}' wants text", key));
      }
    };
    const toml::node* node = table.get(key);
    if (node == nullptr) return values;
    if (const toml::array* array = node->as_array()) {
      for (const toml::node& one : *array)
        take(one);
    } else {
      take(*node);
    }
    return values;
  }

  void read_match(const toml::table& table, Rule& rule) {
    Match match;
    match.frames = names(table, "frames");
    match.files = names(table, "files", kFileMark);
    match.modules = names(table, "modules", kModuleMark);
    match.under = names(table, "under");
    match.within = static_cast<uint32_t>(scalar<int64_t>(table, "within", 0));
    match.not_under = names(table, "not_under");
    match.not_within = static_cast<uint32_t>(scalar<int64_t>(table, "not_within", 0));
    match.calls = names(table, "calls");
    match.not_calls = names(table, "not_calls");
    match.leaf = scalar<bool>(table, "leaf", false);
    match.backend_types = texts(table, "backend_types");
    match.takes_ids = texts(table, "takes");
    if (match.frames == kNoNames && match.files == kNoNames && match.modules == kNoNames)
      return complain(table, "a match needs 'frames', 'files' or 'modules'");
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
    allow(table, kRuleKeys);
    Rule rule;
    rule.id = needed_text(table, "id");
    rule.title = needed_text(table, "title");
    rule.area = needed_text(table, "area");
    if (!rule.area.empty() && !postgres::area_by_id(rule.area))
      complain(*table.get("area"), fmt::format("there is no area '{}'", rule.area));
    rule.source = texts(table, "source");
    rule.finding = scalar<bool>(table, "finding", true);
    read_matches(table, rule);
    rule.includes_ids = texts(table, "includes");
    rule.through_nodes = scalar<bool>(table, "through_nodes", false);
    rule.yields_ids = texts(table, "yields");
    rule.needs = names(table, "needs");
    rule.needs_share = scalar<double>(table, "needs_share", 0);
    rule.needs_below = scalar<double>(table, "needs_below", 1);
    rule.waits = texts(table, "waits");
    rule.default_areas = texts(table, "areas");
    rule.database = topics(table);
    rule.settings = texts(table, "settings");
    read_conditions(table, rule);
    rule.seen = text(table, "seen");
    rule.means = advice(table, "means");
    rule.actions = advice(table, "do");
    rule.confirm = advice(table, "confirm");
    rule.refute = text(table, "refute");
    require_texts(table, rule);
    store(std::move(rule));
  }

  std::vector<std::string> topics(const toml::table& table) {
    std::vector<std::string> named = texts(table, "database");
    for (const std::string& topic : named) {
      const auto& known = DatabaseFacts::topics();
      if (std::ranges::find(known, topic) == known.end())
        complain(*table.get("database"), fmt::format("'database' knows no topic '{}'", topic));
    }
    return named;
  }

  // When the rule holds at all: majors, states, shape.
  void read_conditions(const toml::table& table, Rule& rule) {
    rule.since = static_cast<int>(scalar<int64_t>(table, "since", 0));
    rule.until = static_cast<int>(scalar<int64_t>(table, "until", 0));
    if (rule.until != 0 && rule.since > rule.until)
      complain(*table.get("until"), "'until' lies before 'since'");
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
    rule.shape.least_children =
        static_cast<size_t>(std::max<int64_t>(0, scalar<int64_t>(table, "shape_children", 5)));
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

  void require_texts(const toml::table& table, const Rule& rule) {
    if (!rule.finding) return;
    if (rule.means.empty() || rule.actions.empty() || rule.confirm.empty() || rule.refute.empty())
      complain(table,
               fmt::format("rule '{}' needs 'means', 'do', 'confirm' and 'refute', or "
                           "'finding = false'",
                           rule.id));
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
    wait.event = needed_text(table, "event");
    wait.source = texts(table, "source");
    wait.means = advice(table, "means");
    wait.actions = advice(table, "do");
    wait.confirm = advice(table, "confirm");
    wait.database = topics(table);
    wait.settings = texts(table, "settings");
    if (wait.means.empty()) complain(table, "'means' is missing or empty");
    std::erase_if(book_.waits_, [&](const WaitAdvice& old) { return old.event == wait.event; });
    book_.waits_.push_back(std::move(wait));
  }

  RuleBook& book_;
  std::string_view file_;
  std::optional<Error> error_;
};

Status read_book(std::string_view file, std::string_view text, RuleBook& book) {
  return BookReader(book, file).read(text);
}

}  // namespace pgflame::diagnose
