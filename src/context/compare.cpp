#include "src/context/compare.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>

namespace pgflame::context {
namespace {

// after - before; false when the counter was reset in between.
bool subtract(uint64_t& after, uint64_t before) {
  if (after < before) return false;
  after -= before;
  return true;
}

template <typename Use, size_t Count>
bool subtract(Use& after, const Use& before, const std::array<uint64_t Use::*, Count>& fields) {
  return std::ranges::all_of(
      fields, [&](uint64_t Use::*field) { return subtract(after.*field, before.*field); });
}

template <typename Use, size_t Count>
bool moved(const Use& use, const std::array<uint64_t Use::*, Count>& fields) {
  return std::ranges::any_of(fields, [&](uint64_t Use::*field) { return use.*field > 0; });
}

// Rows of `after` become differences to the row with the same key; returns how many were reset.
template <typename Use, size_t Count, typename KeyOf>
size_t subtract_rows(std::vector<Use>& after,
                     const std::vector<Use>& before,
                     const std::array<uint64_t Use::*, Count>& fields,
                     KeyOf&& key_of) {
  std::map<decltype(key_of(before.front())), const Use*> old;
  for (const Use& use : before)
    old.emplace(key_of(use), &use);
  size_t resets = 0;
  std::erase_if(after, [&](Use& use) {
    const auto found = old.find(key_of(use));
    if (found != old.end() && !subtract(use, *found->second, fields)) {
      ++resets;
      return true;
    }
    return !moved(use, fields);
  });
  return resets;
}

constexpr std::array kStatementFields{&StatementUse::calls,
                                      &StatementUse::rows,
                                      &StatementUse::exec_us,
                                      &StatementUse::shared_hit,
                                      &StatementUse::shared_read,
                                      &StatementUse::shared_dirtied,
                                      &StatementUse::temp_read,
                                      &StatementUse::temp_written,
                                      &StatementUse::wal_bytes};
constexpr std::array kTableFields{&TableUse::seq_scans,
                                  &TableUse::seq_rows,
                                  &TableUse::index_scans,
                                  &TableUse::index_rows,
                                  &TableUse::inserted,
                                  &TableUse::updated,
                                  &TableUse::hot_updated,
                                  &TableUse::deleted};
constexpr std::array kIoFields{&IoUse::reads,
                               &IoUse::writes,
                               &IoUse::extends,
                               &IoUse::hits,
                               &IoUse::evictions,
                               &IoUse::fsyncs};

// Sessions are counted, not added up.
constexpr std::string_view kGauge = "backends";

size_t subtract_counters(std::vector<Counter>& after, const std::vector<Counter>& before) {
  size_t resets = 0;
  std::erase_if(after, [&](Counter& counter) {
    if (counter.name == kGauge) return false;
    const auto old = std::ranges::find(before, counter.name, &Counter::name);
    if (old == before.end()) return true;
    counter.value -= old->value;
    if (counter.value >= 0) return false;
    ++resets;
    return true;
  });
  return resets;
}

uint64_t rows_touched(const TableUse& table) {
  return table.seq_rows + table.index_rows + table.inserted + table.updated + table.deleted;
}

// Bounds what a capture grows by.
constexpr size_t kMostStatements = 200;
constexpr size_t kMostTables = 200;

}  // namespace

DatabaseContext compare(const Look& before, Look after, const std::vector<uint64_t>& query_ids) {
  DatabaseContext context = std::move(after.state);
  context.interval_us = std::max<int64_t>(context.interval_us - before.state.interval_us, 0);
  context.has_statements = context.has_statements && before.state.has_statements;
  if (!before.state.has_statements) context.statements.clear();
  size_t resets = subtract_counters(context.counters, before.state.counters);
  resets += subtract_rows(
      context.statements, before.state.statements, kStatementFields, [](const StatementUse& use) {
        return std::pair(use.database, use.query_id);
      });
  resets +=
      subtract_rows(context.tables, before.state.tables, kTableFields, [](const TableUse& use) {
        return std::pair(use.schema, use.name);
      });
  resets += subtract_rows(context.io, before.state.io, kIoFields, [](const IoUse& use) {
    return std::array<std::string, 3>{use.backend_type, use.object, use.context};
  });
  std::ranges::stable_sort(context.statements, std::greater{}, &StatementUse::exec_us);
  std::ranges::stable_sort(context.tables, [](const TableUse& a, const TableUse& b) {
    return rows_touched(a) > rows_touched(b);
  });
  size_t kept = 0;
  std::erase_if(context.statements, [&](const StatementUse& use) {
    return ++kept > kMostStatements &&
           std::ranges::find(query_ids, use.query_id) == query_ids.end();
  });
  if (context.tables.size() > kMostTables) context.tables.resize(kMostTables);

  for (SessionCount& session : context.sessions)
    session.at_end = true;
  for (Blocker& blocker : context.blockers)
    blocker.at_end = true;
  context.sessions.insert(
      context.sessions.end(), before.state.sessions.begin(), before.state.sessions.end());
  context.blockers.insert(
      context.blockers.end(), before.state.blockers.begin(), before.state.blockers.end());
  std::ranges::stable_sort(context.blockers, std::greater{}, &Blocker::waiters);
  context.problems = std::move(after.problems);
  if (resets > 0) {
    context.problems.emplace_back(
        "Statistics were reset or the server restarted during the recording: the counters that "
        "went backwards are left out.");
  }
  return context;
}

}  // namespace pgflame::context
