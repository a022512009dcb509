#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/database_facts.h"
#include "src/diagnose/figures.h"
#include "src/diagnose/time_split.h"
#include "src/diagnose/wording.h"

namespace pgflame::diagnose {
namespace {

// CPU seconds per second of recording, by query.
std::map<uint64_t, double> cores_by_query(const Analysis& analysis) {
  const Profile& profile = analysis.profile();
  std::map<uint64_t, double> cores;
  const auto duration = static_cast<double>(profile.recording.duration_ns);
  for (size_t i = 0; i < analysis.series().size(); ++i) {
    const Sample& sample = analysis.series()[i].sum;
    if (analysis.use_of_series()[i] == Analysis::kNotRunning || sample.query_id == 0) continue;
    const uint64_t ns = cpu_nanoseconds(profile.recording, sample.weight, sample.count);
    cores[sample.query_id] += ratio(static_cast<double>(ns), duration);
  }
  return cores;
}

StatementRow row_of(const DatabaseFacts& facts,
                    uint64_t query,
                    const std::vector<const StatementUse*>& uses,
                    double cores) {
  StatementUse sum;
  for (const StatementUse* use : uses) {
    sum.calls += use->calls;
    sum.rows += use->rows;
    sum.exec_us += use->exec_us;
    sum.shared_hit += use->shared_hit;
    sum.shared_read += use->shared_read;
    sum.temp_written += use->temp_written;
    if (sum.text.empty()) sum.text = use->text;
    if (sum.database.empty()) sum.database = use->database;
  }
  const auto calls = static_cast<double>(sum.calls);
  const double seconds = facts.seconds();
  StatementRow row;
  row.query_id = std::to_string(static_cast<int64_t>(query));
  row.database = sum.database;
  row.text = sum.text;
  row.calls_per_second = ratio(calls, seconds);
  row.cpu_us_per_call = cores <= 0 ? -1 : ratio(cores * 1e6, row.calls_per_second);
  row.exec_us_per_call = ratio(static_cast<double>(sum.exec_us), calls);
  row.rows_per_call = ratio(static_cast<double>(sum.rows), calls);
  row.reads_per_second = ratio(static_cast<double>(sum.shared_read), seconds);
  const auto touched = static_cast<double>(sum.shared_hit + sum.shared_read);
  row.hit_ratio = touched <= 0 ? -1 : static_cast<double>(sum.shared_hit) / touched;
  row.temp_blocks_per_second = ratio(static_cast<double>(sum.temp_written), seconds);
  constexpr double kMany = 100;
  constexpr double kFew = 2;
  row.repeated = row.calls_per_second >= kMany && row.rows_per_call <= kFew;
  return row;
}

std::vector<StatementRow> statement_rows(const Analysis& analysis,
                                         const DatabaseFacts& facts,
                                         size_t most) {
  std::vector<StatementRow> rows;
  const DatabaseContext& context = *analysis.profile().database;
  std::vector<const StatementUse*> shown;
  std::vector<std::pair<uint64_t, double>> sampled;
  for (const auto& one : cores_by_query(analysis))
    sampled.emplace_back(one);
  std::ranges::stable_sort(sampled, std::greater{}, &std::pair<uint64_t, double>::second);
  for (const auto& [query, cores] : sampled) {
    const auto uses = facts.statements_of(query);
    if (uses.empty() || rows.size() == most) continue;
    rows.push_back(row_of(facts, query, uses, cores));
    shown.insert(shown.end(), uses.begin(), uses.end());
  }
  // Statements that took time and were hardly sampled: they waited.
  for (const StatementUse& use : context.statements) {
    if (rows.size() >= most || std::ranges::find(shown, &use) != shown.end()) continue;
    if (use.calls > 0) rows.push_back(row_of(facts, use.query_id, {&use}, 0));
  }
  return rows;
}

// What to paste where --dsn was not given, for one major (0: unknown).
std::string questions(int major) {
  std::string sql =
      "-- before and after, under load: the differences are what counts\n"
      "SELECT queryid, calls, rows, total_exec_time, shared_blks_hit, shared_blks_read, "
      "temp_blks_written, query FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 20;\n"
      "SELECT datname, xact_commit, xact_rollback, temp_files, temp_bytes, deadlocks FROM "
      "pg_stat_database WHERE datname IS NOT NULL;\n"
      "SELECT backend_type, state, wait_event_type, wait_event, count(*) FROM pg_stat_activity "
      "GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC;\n"
      "SELECT pid, pg_blocking_pids(pid) AS blocked_by, wait_event, state, query FROM "
      "pg_stat_activity WHERE wait_event_type = 'Lock';\n"
      "SELECT pid, locktype, relation::regclass, mode FROM pg_locks WHERE NOT granted;\n"
      "SELECT pid, backend_type, state, clock_timestamp() - xact_start AS open_for, query FROM "
      "pg_stat_activity WHERE xact_start IS NOT NULL ORDER BY xact_start LIMIT 5;\n"
      "SELECT relname, seq_tup_read, idx_tup_fetch, n_live_tup, n_dead_tup, last_autovacuum, "
      "last_autoanalyze FROM pg_stat_user_tables ORDER BY seq_tup_read DESC LIMIT 20;\n";
  if (major >= 14) sql += "SELECT * FROM pg_stat_wal;\n";
  if (major >= 17) sql += "SELECT * FROM pg_stat_checkpointer;\n";
  sql += "SELECT * FROM pg_stat_bgwriter;\n";
  if (major >= 16)
    sql +=
        "SELECT backend_type, object, context, reads, writes, extends, hits, evictions FROM "
        "pg_stat_io WHERE reads > 0 OR writes > 0;\n";
  // Those that findings refer to most.
  sql +=
      "SELECT name, current_setting(name), source FROM pg_settings WHERE name IN ("
      "'checkpoint_timeout', 'commit_delay', 'full_page_writes', 'hash_mem_multiplier', 'jit', "
      "'jit_above_cost', 'maintenance_work_mem', 'max_connections', "
      "'max_parallel_workers_per_gather', 'max_wal_size', 'shared_buffers', 'synchronous_commit', "
      "'track_io_timing', 'wal_compression', 'work_mem');\n";
  return sql;
}

bool was_recorded(const Profile& profile, const DatabaseContext& context) {
  return profile.clusters.empty() ||
         std::ranges::any_of(profile.clusters, [&](const Cluster& cluster) {
           return cluster.port == 0 || cluster.port == context.port;
         });
}

}  // namespace

DatabaseView view_database(const Analysis& analysis, size_t rows) {
  DatabaseView view;
  const Profile& profile = analysis.profile();
  const DatabaseFacts facts(profile);
  if (profile.database) view.sentences = profile.database->problems;
  if (!facts.known()) {
    view.sql = questions(common_major(profile));
    return view;
  }
  const DatabaseContext& context = *profile.database;
  view.asked = true;
  view.title = fmt::format("PostgreSQL {}, database {}, two looks {:.0f} s apart",
                           context.version,
                           context.database,
                           facts.seconds());
  if (!was_recorded(profile, context)) {
    view.sentences.push_back(
        fmt::format("The server of --dsn has port {}, which none of the recorded clusters has: "
                    "these figures may be of another server.",
                    context.port));
  }
  const std::vector<std::string> topics{"sessions",
                                        "blockers",
                                        "old transactions",
                                        "repeated",
                                        "commits",
                                        "checkpoints",
                                        "wal",
                                        "temp files",
                                        "io",
                                        "scans",
                                        "writes",
                                        "dead"};
  for (const std::string& topic : topics) {
    if (std::string text = facts.about({topic}, {}, std::nullopt); !text.empty())
      view.sentences.push_back(std::move(text));
  }
  view.statements = statement_rows(analysis, facts, rows);
  view.seconds = facts.seconds();
  view.counters = context.counters;
  view.sessions = context.sessions;
  view.blockers = context.blockers;
  for (const Setting& setting : context.settings)
    view.settings.push_back(setting.name + " = " + setting.value);
  return view;
}

}  // namespace pgflame::diagnose
