#include "src/diagnose/rule_checks.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "src/diagnose/database_facts.h"
#include "src/postgres/areas.h"
#include "src/postgres/backend_types.h"
#include "src/postgres/settings.h"
#include "src/postgres/wait_events.h"

namespace pgflame::diagnose {
namespace {

using Checked = std::optional<Problem>;

// Told from stacks only, so PostgreSQL has no name for it.
constexpr std::string_view kSpinClass = "Spin";
// Extensions name lock tranches, their own events and injection points as they like.
constexpr std::array<std::string_view, 4> kFreelyNamed{"LWLock",
                                                       "Extension",
                                                       "InjectionPoint",
                                                       kSpinClass};

bool names_one_of(std::string_view word, const auto& words) {
  return std::ranges::any_of(words, [&](std::string_view one) { return covers(word, one); });
}

template <typename Values, typename Known>
Checked first_unknown(std::string_view key,
                      const Values& values,
                      Known&& known,
                      std::string_view what,
                      std::string_view hint) {
  const auto found = std::ranges::find_if_not(values, known);
  if (found == values.end()) return std::nullopt;
  return Problem{key,
                 static_cast<size_t>(found - values.begin()),
                 fmt::format("{} '{}'", what, *found),
                 std::string(hint)};
}

Checked areas_problem(const Rule& rule) {
  if (!rule.area.empty() && !postgres::area_by_id(rule.area))
    return Problem{"area", 0, fmt::format("there is no area '{}'", rule.area), {}};
  return first_unknown(
      "areas",
      rule.default_areas,
      [](const std::string& area) { return postgres::area_by_id(area).has_value(); },
      "there is no area",
      "");
}

Checked waits_problem(const Rule& rule) {
  for (size_t i = 0; i < rule.waits.size(); ++i) {
    if (Checked problem = problem_of_event(rule.waits[i])) {
      problem->key = "waits";
      problem->element = i;
      return problem;
    }
  }
  return std::nullopt;
}

Checked evidence_problem(const std::vector<std::string>& database,
                         const std::vector<std::string>& settings) {
  Checked topic = first_unknown(
      "database",
      database,
      [](const std::string& name) {
        const auto& topics = DatabaseFacts::topics();
        return std::ranges::find(topics, name) != topics.end();
      },
      "'database' knows no topic",
      "");
  if (topic) return topic;
  return first_unknown(
      "settings",
      settings,
      [](const std::string& name) {
        const auto asked = postgres::asked_settings();
        return std::ranges::find(asked, name) != asked.end();
      },
      "--dsn does not ask for the setting",
      fmt::format("it asks for {}", fmt::join(postgres::asked_settings(), ", ")));
}

Checked shares_problem(const Rule& rule) {
  const std::array<std::pair<std::string_view, double>, 4> shares{
      {{"shape_share", rule.shape.least_share},
       {"shape_entropy", rule.shape.least_entropy},
       {"needs_share", rule.needs_share},
       {"needs_below", rule.needs_below}}};
  for (const auto& [key, share] : shares) {
    if (!(share >= 0 && share <= 1))  // not for NaN either
      return Problem{key, 0, fmt::format("'{}' is a share, from 0 to 1", key), {}};
  }
  return std::nullopt;
}

// Off CPU nothing of this is looked at.
Checked off_cpu_problem(const Rule& rule) {
  if (rule.speaks_of(State::kRunning)) return std::nullopt;
  const std::array<std::pair<std::string_view, bool>, 4> keys{
      {{"shape", rule.shape.kind.has_value()},
       {"needs", rule.needs != kNoNames},
       {"yields", !rule.yields_ids.empty()},
       {"areas", !rule.default_areas.empty()}}};
  for (const auto& [key, given] : keys) {
    if (given)
      return Problem{
          key,
          0,
          fmt::format("'{}' looks at running samples only, and 'states' leaves those out", key),
          fmt::format("leave '{}' out, or add \"running\" to 'states'", key)};
  }
  return std::nullopt;
}

Checked finding_problem(const Rule& rule) {
  if (!rule.finding) return std::nullopt;
  if (rule.means.empty() || rule.actions.empty() || rule.confirm.empty() || rule.refute.empty())
    return Problem{"",
                   0,
                   fmt::format("rule '{}' needs 'means', 'do', 'confirm' and 'refute', or "
                               "'finding = false'",
                               rule.id),
                   {}};
  // Waits alone claim no running samples.
  const bool claims_waits = rule.speaks_of(State::kWaiting) && !rule.waits.empty();
  if (rule.matches.empty() && rule.default_areas.empty() && !claims_waits)
    return Problem{"",
                   0,
                   fmt::format("rule '{}' claims nothing: it has no 'frames', 'files', 'modules' "
                               "or 'areas', nor 'waits' with the state waiting",
                               rule.id),
                   {}};
  return std::nullopt;
}

}  // namespace

std::optional<Problem> problem_of_event(std::string_view pattern) {
  const auto colon = pattern.find(':');
  const auto star = pattern.find('*');
  const bool in_two_parts =
      colon != std::string_view::npos && colon > 0 && colon + 1 < pattern.size();
  if (!in_two_parts || star < pattern.size() - 1)
    return Problem{"",
                   0,
                   fmt::format("'{}' is not written like a wait event", pattern),
                   "write it like 'IO:DataFileRead', 'IO:DataFile*' or 'IO:*'"};
  const std::string_view kind = pattern.substr(0, colon);
  if (!names_one_of(kind, postgres::wait_event_classes()) &&
      !names_one_of(kind, std::array{kSpinClass}))
    return Problem{
        "",
        0,
        fmt::format("there is no class of wait events '{}'", kind),
        fmt::format(
            "classes are {}, {}", fmt::join(postgres::wait_event_classes(), ", "), kSpinClass)};
  if (names_one_of(kind, kFreelyNamed) || names_one_of(pattern, postgres::wait_events()))
    return std::nullopt;
  return Problem{"",
                 0,
                 fmt::format("there is no wait event '{}' in PostgreSQL 13 to 19", pattern),
                 "pg_stat_activity and the documentation's chapter on monitoring spell them"};
}

std::optional<Problem> problem_of(const Match& match) {
  if (match.frames == kNoNames && match.files == kNoNames && match.modules == kNoNames)
    return Problem{"", 0, "a match needs 'frames', 'files' or 'modules'", {}};
  struct Distance {
    std::string_view key;
    uint32_t frames;
    std::string_view of;
    NameSetId names;
  };
  const std::array<Distance, 4> distances{
      {{"within", match.within, "under", match.under},
       {"not_within", match.not_within, "not_under", match.not_under},
       {"calls_within", match.calls_within, "calls", match.calls},
       {"not_calls_within", match.not_calls_within, "not_calls", match.not_calls}}};
  for (const Distance& distance : distances) {
    if (distance.frames != 0 && distance.names == kNoNames)
      return Problem{
          distance.key,
          0,
          fmt::format("'{}' says nothing without '{}' beside it", distance.key, distance.of),
          {}};
  }
  return first_unknown(
      "backend_types",
      match.backend_types,
      [](const std::string& type) { return postgres::is_backend_type(type); },
      "there is no type of backends",
      "they are called as in pg_stat_activity.backend_type; workers of extensions are "
      "'background worker'");
}

std::optional<Problem> problem_of(const Rule& rule) {
  if (rule.until != 0 && rule.since > rule.until)
    return Problem{"until", 0, "'until' lies before 'since'", {}};
  if (Checked problem = areas_problem(rule)) return problem;
  if (Checked problem = waits_problem(rule)) return problem;
  if (Checked problem = evidence_problem(rule.database, rule.settings)) return problem;
  if (Checked problem = shares_problem(rule)) return problem;
  if (Checked problem = off_cpu_problem(rule)) return problem;
  return finding_problem(rule);
}

std::optional<Problem> problem_of(const WaitAdvice& wait) {
  if (Checked problem = problem_of_event(wait.event)) {
    problem->key = "event";
    return problem;
  }
  if (wait.means.empty()) return Problem{"", 0, "'means' is missing or empty", {}};
  return evidence_problem(wait.database, wait.settings);
}

}  // namespace pgflame::diagnose
