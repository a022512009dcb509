#include "src/diagnose/wording.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/diagnose/figures.h"
#include "src/postgres/server_major.h"

namespace pgflame::diagnose {
namespace {

// Captures of other tools know no clusters; packages have the major in the server's path.
int major_of_modules(const Profile& profile) {
  int major = 0;
  for (const Module& module : profile.modules) {
    const int its = postgres::major_of_server(module.path);
    if (its != 0 && major != 0 && its != major) return 0;
    if (its != 0) major = its;
  }
  return major;
}

}  // namespace

int common_major(const Profile& profile) {
  if (profile.clusters.empty()) return major_of_modules(profile);
  int major = 0;
  for (const Cluster& cluster : profile.clusters) {
    if (cluster.major == 0 || (major != 0 && cluster.major != major)) return 0;
    major = cluster.major;
  }
  return major;
}

std::string busy_cores(double cores, uint32_t cpus) {
  const std::string number = cores < 0.05 ? "less than 0.1" : fmt::format("{:.1f}", cores);
  return cpus > 0 ? fmt::format("{} of {} cores", number, cpus) : number + " cores";
}

Wording::Wording(const Profile& profile) : profile_(profile), major_(common_major(profile)) {}

std::string Wording::shape(const Evidence& evidence, uint64_t total_weight) const {
  const std::string functions = list(evidence.functions, total_weight, 4);
  if (functions.empty()) return {};
  if (evidence.shape == Shape::kPlateau)
    return fmt::format("One wide plateau, self time by share of all CPU: {}.", functions);
  if (evidence.shape == Shape::kJagged)
    return fmt::format("Jagged towers: {} functions, the largest by self time of all CPU: {}.",
                       evidence.functions.size(),
                       functions);
  return fmt::format("Self time by share of all CPU: {}.", functions);
}

std::string Wording::owners(const Evidence& evidence) const {
  std::string text;
  if (const Counted* query = owner(evidence.queries, evidence.weight, 0.8)) {
    const auto known = std::ranges::find_if(profile_.queries, [&](const Query& candidate) {
      return std::to_string(static_cast<int64_t>(candidate.id)) == query->name;
    });
    std::string_view statement;
    if (known != profile_.queries.end()) statement = known->text;
    while (statement.ends_with(';') || statement.ends_with(' '))
      statement.remove_suffix(1);
    const std::string sql = statement.empty() ? "" : fmt::format(": {}", quoted(statement, 160));
    append_sentence(text,
                    fmt::format("{} of it belongs to query {}{}.",
                                short_percent(static_cast<double>(query->weight) /
                                              static_cast<double>(evidence.weight)),
                                query->name,
                                sql));
  }
  if (const Counted* type = owner(evidence.backend_types, evidence.weight, 0.8);
      type != nullptr && type->name != "client backend")
    append_sentence(text, fmt::format("It runs in backends of type {}.", type->name));
  if (const Counted* database = owner(evidence.databases, evidence.weight, 0.8)) {
    append_sentence(text, fmt::format("Database: {}.", database->name));
  } else if (const Counted* cluster = owner(evidence.clusters, evidence.weight, 0.8)) {
    append_sentence(text, fmt::format("Cluster: {}.", cluster->name));
  }
  return text;
}

std::string Wording::seen(const Rule& rule, const Evidence& evidence, uint64_t total) const {
  std::string text;
  append_sentence(text, shape(evidence, total));
  append_sentence(text, fill(rule.seen, evidence));
  const std::string callers = list(evidence.callers, evidence.weight);
  if (!callers.empty() && rule.seen.find("{callers}") == std::string::npos)
    append_sentence(text, fmt::format("Called from {}.", callers));
  const std::string nodes = list(evidence.nodes, evidence.weight);
  if (!nodes.empty()) append_sentence(text, fmt::format("It runs under {}.", nodes));
  const std::string parts = list(evidence.parts, evidence.weight, 5);
  if (!parts.empty()) append_sentence(text, fmt::format("Counted in: {}.", parts));
  append_sentence(text, owners(evidence));
  return text;
}

// Where the server's major is not known, what holds for some of them says for which.
std::vector<std::string> Wording::each(const std::vector<Advice>& texts,
                                       const Evidence& evidence) const {
  std::vector<std::string> result;
  for (const Advice& advice : texts) {
    if (!advice.holds_for(major_)) continue;
    const std::string majors = major_ == 0 ? advice.majors() : std::string();
    result.push_back((majors.empty() ? "" : fmt::format("(PostgreSQL {}) ", majors)) +
                     fill(advice.text, evidence));
  }
  return result;
}

std::string Wording::commands(const std::vector<Advice>& texts, const Evidence& evidence) const {
  std::string result;
  for (const Advice& advice : texts) {
    if (!advice.holds_for(major_)) continue;
    if (!result.empty()) result += '\n';
    if (const std::string majors = advice.majors(); major_ == 0 && !majors.empty())
      result += fmt::format("-- PostgreSQL {}:\n", majors);
    result += fill(advice.text, evidence);
  }
  return result;
}

std::string Wording::join(const std::vector<Advice>& texts, const Evidence& evidence) const {
  std::string result;
  for (const std::string& text : each(texts, evidence))
    append_sentence(result, text);
  return result;
}

}  // namespace pgflame::diagnose
