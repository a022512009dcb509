#include "src/context/look.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/context/server_sql.h"

namespace pgflame::context {
namespace {

constexpr int kOldest = 13;  // with pg_stat_statements 1.8

std::string array_of(const std::vector<std::string>& pids) {
  return fmt::format("{{{}}}", fmt::join(pids, ","));
}

class Looker {
 public:
  explicit Looker(Connection& connection) : connection_(connection) {}

  Result<Look> look() {
    if (auto done = identify(); !done) return fail(std::move(done).error());
    for (const Row& row : ask("the settings", settings_sql(), 2))
      look_.state.settings.push_back({row[0], row[1]});
    for (const std::string& sql : counters_sql(look_.state.major)) {
      for (const Row& row : ask("the server's counters", sql, 2))
        look_.state.counters.push_back({row[0], number(row[1])});
    }
    read_statements();
    read_tables();
    read_io();
    read_activity();
    return std::move(look_);
  }

 private:
  Status identify() {
    auto rows = connection_.query(identity_sql());
    if (!rows) return fail(std::move(rows).error());
    if (rows->size() != 1 || rows->front().size() != 6)
      return fail(ErrorKind::kUnsupported, "the server does not answer like PostgreSQL");
    const Row& row = rows->front();
    DatabaseContext& state = look_.state;
    state.version = row[0];
    state.major = static_cast<int>(std::clamp<int64_t>(number(row[1]), 0, 1000));
    state.port = static_cast<uint16_t>(std::clamp<int64_t>(number(row[2]), 0, 65535));
    state.database = row[3];
    state.interval_us = number(row[4]);
    if (state.major < kOldest) {
      return fail(ErrorKind::kUnsupported,
                  fmt::format("the server is PostgreSQL {}; only 13 and later are asked", row[0]));
    }
    if (row[5] != "t") {
      look_.problems.emplace_back(
          "The user may not read the statistics of other users: GRANT pg_monitor TO it for "
          "statements and sessions of everybody.");
    }
    return {};
  }

  // Rows of the right width; a failure is a problem of this look.
  Rows ask(std::string_view what,
           const std::string& sql,
           size_t width,
           std::span<const std::string> parameters = {}) {
    auto rows = connection_.query(sql, parameters);
    if (!rows) {
      look_.problems.push_back(fmt::format("Could not read {}: {}.", what, rows.error().what));
      return {};
    }
    std::erase_if(*rows, [width](const Row& row) { return row.size() != width; });
    return *std::move(rows);
  }

  void read_statements() {
    const Rows places = ask("the list of extensions", statements_place_sql(), 2);
    if (places.empty()) {
      look_.problems.push_back(fmt::format(
          "pg_stat_statements is not installed in database {}: calls, rows and blocks by "
          "statement are not known. It needs shared_preload_libraries and CREATE EXTENSION.",
          look_.state.database));
      return;
    }
    if (places[0][1] < "1.8" && places[0][1].size() == 3) {
      look_.problems.push_back(
          fmt::format("pg_stat_statements is still version {}: ALTER EXTENSION "
                      "pg_stat_statements UPDATE.",
                      places[0][1]));
      return;
    }
    look_.statements_schema = places[0][0];
    const size_t problems = look_.problems.size();
    for (const Row& row : ask("pg_stat_statements", statements_sql(places[0][0]), 11)) {
      StatementUse use;
      use.database = row[0];
      use.query_id = static_cast<uint64_t>(number(row[1]));
      const std::array<uint64_t*, 9> fields{&use.calls,
                                            &use.rows,
                                            &use.exec_us,
                                            &use.shared_hit,
                                            &use.shared_read,
                                            &use.shared_dirtied,
                                            &use.temp_read,
                                            &use.temp_written,
                                            &use.wal_bytes};
      for (size_t i = 0; i < fields.size(); ++i)
        *fields[i] = count(row[i + 2]);
      look_.state.statements.push_back(std::move(use));
    }
    look_.state.has_statements = look_.problems.size() == problems;
  }

  void read_tables() {
    for (const Row& row : ask("the tables' statistics", tables_sql(), 16)) {
      TableUse use;
      look_.table_oids.push_back(row[0]);
      use.schema = row[1];
      use.name = row[2];
      const std::array<uint64_t*, 11> fields{&use.pages,
                                             &use.seq_scans,
                                             &use.seq_rows,
                                             &use.index_scans,
                                             &use.index_rows,
                                             &use.inserted,
                                             &use.updated,
                                             &use.hot_updated,
                                             &use.deleted,
                                             &use.live,
                                             &use.dead};
      for (size_t i = 0; i < fields.size(); ++i)
        *fields[i] = count(row[i + 3]);
      use.last_vacuum = number(row[14]);
      use.last_analyze = number(row[15]);
      look_.state.tables.push_back(std::move(use));
    }
  }

  void read_io() {
    const std::string sql = io_sql(look_.state.major);
    if (sql.empty()) return;
    for (const Row& row : ask("pg_stat_io", sql, 9)) {
      look_.state.io.push_back({row[0],
                                row[1],
                                row[2],
                                count(row[3]),
                                count(row[4]),
                                count(row[5]),
                                count(row[6]),
                                count(row[7]),
                                count(row[8])});
    }
  }

  void read_activity() {
    for (const Row& row : ask("the sessions", sessions_sql(), 5))
      look_.state.sessions.push_back({false, row[0], row[1], row[2], row[3], count(row[4])});
    read_blockers();
    for (const Row& row : ask("the oldest transactions", transactions_sql(), 5)) {
      look_.state.transactions.push_back(
          {static_cast<int32_t>(number(row[0])), row[1], row[2], number(row[3]), row[4]});
    }
  }

  void read_blockers() {
    const Rows blocked = ask("who waits for whom", blocked_sql(), 3);
    const std::vector<std::string> roots = root_pids(blocked);
    if (roots.empty()) return;
    std::vector<std::string> waiters;
    for (const Row& row : blocked)
      waiters.push_back(row[0]);
    const std::array<std::string, 2> parameters{array_of(waiters), array_of(roots)};
    const Rows sessions =
        ask("the blocking sessions", blockers_sql(), 6, std::span(parameters).last(1));
    look_.state.blockers =
        root_blockers(blocked, sessions, ask("the locks waited for", locks_sql(), 7, parameters));
  }

  Connection& connection_;
  Look look_;
};

}  // namespace

int64_t number(const std::string& text) {
  int64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  return error == std::errc{} && end == last ? value : 0;
}

uint64_t count(const std::string& text) {
  return static_cast<uint64_t>(std::max<int64_t>(number(text), 0));
}

Result<Look> look(Connection& connection) {
  return Looker(connection).look();
}

}  // namespace pgflame::context
