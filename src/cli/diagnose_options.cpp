#include "src/cli/diagnose_options.h"

#include <array>
#include <charconv>
#include <unordered_set>

#include <CLI/CLI.hpp>

#include "src/base/file.h"

namespace pgflame::cli {
namespace {

constexpr size_t kLargestRulesFile = size_t{16} << 20;

// pg_stat_statements shows query ids as signed numbers; both spellings are taken.
std::optional<uint64_t> parse_query_id(const std::string& text) {
  const char* last = text.data() + text.size();
  int64_t number = 0;
  if (const auto [end, error] = std::from_chars(text.data(), last, number);
      error == std::errc{} && end == last)
    return static_cast<uint64_t>(number);
  uint64_t large = 0;
  if (const auto [end, error] = std::from_chars(text.data(), last, large);
      error == std::errc{} && end == last)
    return large;
  return std::nullopt;
}

// What only the other samples spoke of goes with them: backends, queries, statements.
void forget_the_rest(Profile& profile) {
  std::vector<bool> backends(profile.backends.size());
  std::unordered_set<uint64_t> queries;
  for (const Sample& sample : profile.samples) {
    if (sample.backend.valid()) backends[sample.backend.value] = true;
    queries.insert(sample.query_id);
  }
  for (uint32_t i = 0; i < backends.size(); ++i) {
    if (!backends[i]) profile.backends[BackendId{i}] = Backend{};
  }
  std::erase_if(profile.queries, [&](const Query& query) { return !queries.contains(query.id); });
  if (!profile.database) return;
  std::erase_if(profile.database->statements, [&](const StatementUse& statement) {
    return !queries.contains(statement.query_id) && !queries.contains(statement.text_id);
  });
  for (Blocker& blocker : profile.database->blockers)
    blocker.user = blocker.application = blocker.text = "";
  for (OldTransaction& transaction : profile.database->transactions)
    transaction.text.clear();
}

}  // namespace

diagnose::Options DiagnoseOptions::options() const {
  diagnose::Options result;
  result.selection = selection;
  if (!rules_file.empty()) result.rules = &rules;
  return result;
}

void add_diagnose_options(CLI::App& command, DiagnoseOptions& options) {
  command.add_option("--query-id", options.query_id, "Only samples of this query");
  command.add_option("--backend-type",
                     options.selection.backend_type,
                     "Only backends of this type, as in pg_stat_activity");
  command.add_option("--database", options.selection.database, "Only backends of this database");
  command.add_option("--user", options.selection.user, "Only backends of this user");
  command.add_option(
      "--application", options.selection.application, "Only backends with this application_name");
  command.add_option("--rules", options.rules_file, "A TOML file with more patterns");
}

Status complete(DiagnoseOptions& options) {
  if (!options.query_id.empty()) {
    const auto id = parse_query_id(options.query_id);
    if (!id) {
      return fail(ErrorKind::kUsage,
                  "'" + options.query_id + "' is not a query id",
                  "it is the number in pg_stat_statements.queryid");
    }
    options.selection.query_id = *id;
  }
  if (options.rules_file.empty()) return {};
  auto rules = read_rules(options.rules_file);
  if (!rules) return fail(std::move(rules).error());
  options.rules = *std::move(rules);
  return {};
}

Profile selected_part(Profile profile, const diagnose::Selection& selection) {
  if (selection.everything()) return profile;
  std::vector<Sample> kept;
  for (const Sample& sample : profile.samples) {
    if (selection.contains(profile, sample)) kept.push_back(sample);
  }
  if (kept.size() < profile.samples.size()) forget_lifetimes(profile);
  profile.samples = std::move(kept);
  const auto query = std::ranges::find(profile.queries, selection.query_id.value_or(0), &Query::id);
  if (selection.query_id && query != profile.queries.end() && query->id_is_text_hash &&
      profile.recording.has_waits) {
    profile.recording.notes.emplace_back(
        "How long this query waited is an estimate, and rather too little: the server gave it no "
        "query id, so its waits are those whose text was read (compute_query_id = on mends that).");
  }
  forget_the_rest(profile);
  profile.recording.notes.push_back("The graphs show, and the file holds, only the samples of " +
                                    selection.describe() + ".");
  return profile;
}

Result<diagnose::RuleBook> read_rules(const std::string& file) {
  if (file.empty()) return diagnose::RuleBook::builtin();
  auto text = read_file(file, kLargestRulesFile);
  if (!text) return fail(std::move(text).error());
  const std::array<diagnose::RuleText, 1> more{diagnose::RuleText{file, *std::move(text)}};
  return diagnose::RuleBook::with(more);
}

}  // namespace pgflame::cli
