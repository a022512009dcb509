#include "src/diagnose/database_facts.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/figures.h"

namespace pgflame::diagnose {
namespace {

constexpr double kBlock = 8192;  // BLCKSZ as everybody builds it

// A session shows what the client sent, final semicolon included, and no more than
// track_activity_query_size of it; pg_stat_statements has neither.
bool same_statement(std::string_view session, std::string_view counted) {
  const auto bare = [](std::string_view text) {
    text = trim(text);
    while (text.ends_with(';'))
      text = trim(text.substr(0, text.size() - 1));
    return text;
  };
  return !bare(session).empty() && bare(session) == bare(counted);
}

// The statement with most of `field`, and its part of all.
struct Largest {
  const StatementUse* use = nullptr;
  uint64_t all = 0;
};
Largest largest(const DatabaseContext& context, uint64_t StatementUse::*field) {
  Largest result;
  for (const StatementUse& use : context.statements) {
    result.all += use.*field;
    if (result.use == nullptr || use.*field > result.use->*field) result.use = &use;
  }
  return result;
}

std::string name_of_query(const StatementUse& use) {
  return fmt::format("query {}", static_cast<int64_t>(use.query_id));
}

}  // namespace

double DatabaseFacts::seconds() const {
  return known() ? static_cast<double>(context_->interval_us) / 1e6 : 0;
}

std::optional<double> DatabaseFacts::per_second(std::string_view counter) const {
  if (!known() || context_->interval_us <= 0) return std::nullopt;
  const auto found = std::ranges::find(context_->counters, counter, &Counter::name);
  if (found == context_->counters.end()) return std::nullopt;
  return static_cast<double>(found->value) / seconds();
}

std::vector<const StatementUse*> DatabaseFacts::statements_of(uint64_t query) const {
  std::vector<const StatementUse*> uses;
  if (!known()) return uses;
  const auto sampled = std::ranges::find(profile_.queries, query, &Query::id);
  const bool by_text = sampled != profile_.queries.end() && sampled->id_is_text_hash;
  for (const StatementUse& use : context_->statements) {
    const bool same = by_text ? use.text_id == query || same_statement(sampled->text, use.text)
                              : use.query_id == query;
    if (same) uses.push_back(&use);
  }
  return uses;
}

std::string DatabaseFacts::statement(uint64_t query) const {
  uint64_t calls = 0;
  uint64_t rows = 0;
  uint64_t exec_us = 0;
  for (const StatementUse* use : statements_of(query)) {
    calls += use->calls;
    rows += use->rows;
    exec_us += use->exec_us;
  }
  if (calls == 0 || seconds() <= 0) return {};
  return fmt::format("{} calls/s, {} rows and {} ms of execution time per call",
                     figure(static_cast<double>(calls) / seconds()),
                     figure(ratio(rows, calls)),
                     figure(ratio(exec_us, calls) / 1000));
}

std::string DatabaseFacts::temporary_blocks(const std::optional<uint64_t>& query) const {
  if (!context_->has_statements) return {};
  uint64_t own = 0;
  uint64_t calls = 0;
  if (query) {
    for (const StatementUse* use : statements_of(*query)) {
      own += use->temp_written;
      calls += use->calls;
    }
  }
  if (own > 0) {
    return fmt::format("pg_stat_statements: this query wrote {} temporary blocks ({}) per call.",
                       figure(ratio(own, calls)),
                       bytes(ratio(own, calls) * kBlock));
  }
  const Largest most = largest(*context_, &StatementUse::temp_written);
  if (most.all == 0)
    return "pg_stat_statements counted no temporary blocks for the statements that ended.";
  return fmt::format("pg_stat_statements: {} temporary blocks ({}) were written, {} of them by {}.",
                     format_count(most.all),
                     bytes(static_cast<double>(most.all) * kBlock),
                     short_percent(ratio(most.use->temp_written, most.all)),
                     name_of_query(*most.use));
}

std::string DatabaseFacts::reads(const std::optional<uint64_t>& query) const {
  if (!context_->has_statements || seconds() <= 0) return {};
  uint64_t read = 0;
  uint64_t hit = 0;
  const auto add = [&](const StatementUse& use) {
    read += use.shared_read;
    hit += use.shared_hit;
  };
  const std::vector<const StatementUse*> own =
      query ? statements_of(*query) : std::vector<const StatementUse*>{};
  for (const StatementUse* use : own)
    add(*use);
  if (own.empty()) {
    for (const StatementUse& use : context_->statements)
      add(use);
  }
  if (read + hit == 0) return {};
  return fmt::format(
      "pg_stat_statements: {} brought {} blocks/s ({}/s) into shared buffers and found {} of the "
      "blocks there.",
      own.empty() ? "the statements" : "this query",
      figure(static_cast<double>(read) / seconds()),
      bytes(static_cast<double>(read) * kBlock / seconds()),
      short_percent(ratio(hit, hit + read)));
}

std::string DatabaseFacts::pages(const std::optional<uint64_t>& query) const {
  if (!context_->has_statements) return {};
  const Largest most = largest(*context_, &StatementUse::shared_hit);
  const StatementUse* use = most.use;
  if (query) {
    const auto own = statements_of(*query);
    if (!own.empty()) use = own.front();
  }
  if (use == nullptr || use->calls == 0) return {};
  return fmt::format("pg_stat_statements: {} touched {} blocks per call.",
                     name_of_query(*use),
                     figure(ratio(use->shared_hit + use->shared_read, use->calls)));
}

// Work that is asked for over and over, a few rows at a time.
std::string DatabaseFacts::repeated() const {
  if (!context_->has_statements || seconds() <= 0) return {};
  constexpr double kMany = 100;  // calls per second
  constexpr double kFew = 2;     // rows per call
  const Largest most = largest(*context_, &StatementUse::calls);
  if (most.use == nullptr) return {};
  const double calls = static_cast<double>(most.use->calls) / seconds();
  const double rows = ratio(most.use->rows, most.use->calls);
  if (calls < kMany || rows > kFew) return {};
  return fmt::format(
      "Repeated work: {} was called {} times/s for {} rows each{}.",
      name_of_query(*most.use),
      figure(calls),
      figure(rows),
      most.use->text.empty() ? std::string() : fmt::format(" ({})", quoted(most.use->text)));
}

std::string DatabaseFacts::columns(const std::optional<uint64_t>& query) const {
  if (!query) return {};
  const auto sampled = std::ranges::find(profile_.queries, *query, &Query::id);
  std::string text = sampled == profile_.queries.end() ? std::string() : sampled->text;
  if (const auto uses = statements_of(*query); text.empty() && !uses.empty())
    text = uses.front()->text;
  const auto last = last_column(text, *context_);
  if (!last) return {};
  const TableUse& table = *last->table;
  const auto varying = std::ranges::count_if(table.columns, [&](const TableColumn& column) {
    return column.ordinal < last->column->ordinal && !(column.fixed_width && column.not_null);
  });
  return fmt::format(
      "{} column {} of table {}, number {} of {}; of those before it {} may be NULL or vary in "
      "width.",
      last->all ? "The query's text asks for all columns, up to"
                : "The last column that the query's text names is",
      last->column->name,
      table.parent.empty() ? table.name : table.parent,
      last->column->ordinal,
      table.columns.back().ordinal,
      varying);
}

const std::vector<std::string_view>& DatabaseFacts::topics() {
  static const std::vector<std::string_view> known{"temp",
                                                   "reads",
                                                   "pages",
                                                   "repeated",
                                                   "columns",
                                                   "scans",
                                                   "writes",
                                                   "dead",
                                                   "blockers",
                                                   "old transactions",
                                                   "wal",
                                                   "commits",
                                                   "checkpoints",
                                                   "sessions",
                                                   "temp files",
                                                   "io"};
  return known;
}

std::string DatabaseFacts::topic(std::string_view name,
                                 const std::optional<uint64_t>& query) const {
  if (name == "temp") return joined({temporary_blocks(query), temporary_files()});
  if (name == "reads") return reads(query);
  if (name == "pages") return pages(query);
  if (name == "repeated") return repeated();
  if (name == "columns") return columns(query);
  if (name == "scans") return scanned_tables();
  if (name == "writes") return written_tables();
  if (name == "dead") return dead_rows();
  if (name == "blockers") return blockers();
  if (name == "old transactions") return old_transactions();
  if (name == "wal") return wal();
  if (name == "commits") return commits();
  if (name == "checkpoints") return checkpoints();
  if (name == "sessions") return sessions();
  if (name == "temp files") return temporary_files();
  if (name == "io") return server_io();
  return {};
}

std::string DatabaseFacts::about(const std::vector<std::string>& topics,
                                 const std::vector<std::string>& settings,
                                 const std::optional<uint64_t>& query) const {
  std::string text;
  if (!known()) return text;
  if (query) {
    if (const std::string one = statement(*query); !one.empty())
      append_sentence(text, fmt::format("pg_stat_statements: {}.", one));
  }
  for (const std::string& name : topics)
    append_sentence(text, topic(name, query));
  std::string values;
  for (const std::string& name : settings) {
    const auto found = std::ranges::find(context_->settings, name, &Setting::name);
    if (found == context_->settings.end()) continue;
    values += fmt::format("{}{} = {}", values.empty() ? "" : ", ", found->name, found->value);
  }
  // SET in the application's sessions and for its roles is not seen from here.
  if (!values.empty())
    append_sentence(text, fmt::format("Settings as a new session sees them: {}.", values));
  return text;
}

}  // namespace pgflame::diagnose
