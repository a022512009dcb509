#include "src/context/server_sql.h"

#include <array>

#include <fmt/format.h>

#include "src/postgres/settings.h"

namespace pgflame::context {
namespace {

// SELECT of (name, bigint) rows out of one row of columns.
struct Column {
  std::string_view name;
  std::string_view expression;
};

template <size_t Count>
std::string as_rows(std::string_view from, const std::array<Column, Count>& columns) {
  std::string values;
  for (const Column& column : columns) {
    values += fmt::format(
        "{}('{}', ({})::bigint)", values.empty() ? "" : ", ", column.name, column.expression);
  }
  return fmt::format(
      "SELECT v.name, v.value FROM {} s, LATERAL (VALUES {}) v(name, value)", from, values);
}

std::string database_counters() {
  return as_rows(
      "(SELECT sum(xact_commit) a, sum(xact_rollback) b, sum(blks_read) c, sum(blks_hit) d, "
      "sum(temp_files) e, sum(temp_bytes) f, sum(deadlocks) g, sum(numbackends) h "
      "FROM pg_stat_database)",
      std::array<Column, 8>{{{"xact_commit", "s.a"},
                             {"xact_rollback", "s.b"},
                             {"blks_read", "s.c"},
                             {"blks_hit", "s.d"},
                             {"temp_files", "s.e"},
                             {"temp_bytes", "s.f"},
                             {"deadlocks", "s.g"},
                             {"backends", "s.h"}}});
}

std::vector<std::string> writer_counters(int major) {
  if (major >= 17) {
    return {as_rows("pg_stat_checkpointer",
                    std::array<Column, 5>{{{"checkpoints_timed", "s.num_timed"},
                                           {"checkpoints_requested", "s.num_requested"},
                                           {"checkpoint_buffers", "s.buffers_written"},
                                           {"checkpoint_write_ms", "s.write_time"},
                                           {"checkpoint_sync_ms", "s.sync_time"}}}),
            as_rows("pg_stat_bgwriter",
                    std::array<Column, 3>{{{"bgwriter_buffers", "s.buffers_clean"},
                                           {"bgwriter_maxwritten", "s.maxwritten_clean"},
                                           {"buffers_allocated", "s.buffers_alloc"}}})};
  }
  return {as_rows("pg_stat_bgwriter",
                  std::array<Column, 10>{{{"checkpoints_timed", "s.checkpoints_timed"},
                                          {"checkpoints_requested", "s.checkpoints_req"},
                                          {"checkpoint_buffers", "s.buffers_checkpoint"},
                                          {"checkpoint_write_ms", "s.checkpoint_write_time"},
                                          {"checkpoint_sync_ms", "s.checkpoint_sync_time"},
                                          {"bgwriter_buffers", "s.buffers_clean"},
                                          {"bgwriter_maxwritten", "s.maxwritten_clean"},
                                          {"backend_buffers", "s.buffers_backend"},
                                          {"backend_fsyncs", "s.buffers_backend_fsync"},
                                          {"buffers_allocated", "s.buffers_alloc"}}})};
}

}  // namespace

std::string identity_sql() {
  return "SELECT current_setting('server_version'), "
         "current_setting('server_version_num')::int / 10000, current_setting('port'), "
         "current_database(), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, "
         "pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')";
}

std::string settings_sql() {
  std::string names;
  for (const std::string_view name : postgres::asked_settings())
    names += fmt::format("{}'{}'", names.empty() ? "" : ", ", name);
  return fmt::format(
      "SELECT name, current_setting(name) FROM pg_settings WHERE name IN ({}) ORDER BY name",
      names);
}

std::vector<std::string> counters_sql(int major) {
  std::vector<std::string> queries = writer_counters(major);
  queries.push_back(database_counters());
  if (major >= 14) {
    queries.push_back(as_rows("pg_stat_wal",
                              std::array<Column, 4>{{{"wal_records", "s.wal_records"},
                                                     {"wal_full_pages", "s.wal_fpi"},
                                                     {"wal_bytes", "s.wal_bytes"},
                                                     {"wal_buffers_full", "s.wal_buffers_full"}}}));
  }
  return queries;
}

std::string statements_place_sql() {
  return "SELECT quote_ident(n.nspname), e.extversion FROM pg_extension e "
         "JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";
}

std::string statements_sql(std::string_view schema) {
  return fmt::format(
      "SELECT coalesce(d.datname, ''), s.queryid, sum(s.calls)::bigint, sum(s.rows)::bigint, "
      "(sum(s.total_exec_time) * 1000)::bigint, sum(s.shared_blks_hit)::bigint, "
      "sum(s.shared_blks_read)::bigint, sum(s.shared_blks_dirtied)::bigint, "
      "sum(s.temp_blks_read)::bigint, sum(s.temp_blks_written)::bigint, sum(s.wal_bytes)::bigint "
      "FROM {}.pg_stat_statements(false) s LEFT JOIN pg_database d ON d.oid = s.dbid "
      "WHERE s.queryid IS NOT NULL GROUP BY 1, 2 ORDER BY 5 DESC LIMIT 20000",
      schema);
}

std::string statement_texts_sql(std::string_view schema) {
  return fmt::format(
      "SELECT s.queryid, left(min(s.query), 4000) FROM {}.pg_stat_statements(true) s "
      "WHERE s.queryid = ANY ($1::bigint[]) GROUP BY 1 LIMIT 1000",
      schema);
}

std::string tables_sql() {
  // pg_class.relpages instead of pg_relation_size(): that locks the table and could wait.
  return "SELECT t.relid, t.schemaname, t.relname, c.relpages, "
         "t.seq_scan, t.seq_tup_read, coalesce(t.idx_scan, 0), coalesce(t.idx_tup_fetch, 0), "
         "t.n_tup_ins, t.n_tup_upd, t.n_tup_hot_upd, t.n_tup_del, t.n_live_tup, t.n_dead_tup, "
         "coalesce(extract(epoch FROM greatest(t.last_vacuum, t.last_autovacuum)), 0)::bigint, "
         "coalesce(extract(epoch FROM greatest(t.last_analyze, t.last_autoanalyze)), 0)::bigint "
         "FROM pg_stat_user_tables t JOIN pg_class c ON c.oid = t.relid "
         "ORDER BY t.seq_tup_read + coalesce(t.idx_tup_fetch, 0) + t.n_tup_ins + t.n_tup_upd + "
         "t.n_tup_del DESC LIMIT 5000";
}

std::string columns_sql() {
  return "SELECT w.relid, n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), "
         "a.attnum, a.attnotnull, a.attlen > 0 "
         "FROM (SELECT u AS relid, coalesce((SELECT i.inhparent FROM pg_inherits i "
         "JOIN pg_class p ON p.oid = i.inhparent AND p.relkind = 'p' WHERE i.inhrelid = u LIMIT "
         "1), "
         "u) AS described FROM unnest($1::oid[]) u) w "
         "JOIN pg_class c ON c.oid = w.described JOIN pg_namespace n ON n.oid = c.relnamespace "
         "JOIN pg_attribute a ON a.attrelid = w.described "
         "WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum LIMIT 20000";
}

std::string io_sql(int major) {
  if (major < 16) return {};
  return "SELECT backend_type, object, context, coalesce(sum(reads), 0)::bigint, "
         "coalesce(sum(writes), 0)::bigint, coalesce(sum(extends), 0)::bigint, "
         "coalesce(sum(hits), 0)::bigint, coalesce(sum(evictions), 0)::bigint, "
         "coalesce(sum(fsyncs), 0)::bigint FROM pg_stat_io GROUP BY 1, 2, 3 LIMIT 500";
}

std::string sessions_sql() {
  return "SELECT coalesce(backend_type, ''), coalesce(state, ''), coalesce(wait_event_type, ''), "
         "coalesce(wait_event, ''), count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
         "GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC LIMIT 200";
}

std::string blocked_sql() {
  return "SELECT a.pid, a.wait_event, pg_blocking_pids(a.pid) FROM (SELECT pid, wait_event "
         "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid() "
         "ORDER BY pid LIMIT 200) a";
}

std::string locks_sql() {
  // pg_locks is read once: each time stops the lock manager for a moment.
  return "WITH locks AS MATERIALIZED (SELECT * FROM pg_locks WHERE pid = ANY ($1::int[] || "
         "$2::int[])) "
         "SELECT w.pid, w.locktype, w.mode, coalesce(n.nspname, ''), coalesce(c.relname, ''), "
         "coalesce(h.pid, 0), coalesce(h.mode, '') "
         "FROM locks w LEFT JOIN locks h ON h.granted AND h.pid = ANY ($2::int[]) "
         "AND (h.locktype, h.database, h.relation, h.page, h.tuple, h.virtualxid, "
         "h.transactionid, h.classid, h.objid, h.objsubid) IS NOT DISTINCT FROM "
         "(w.locktype, w.database, w.relation, w.page, w.tuple, w.virtualxid, "
         "w.transactionid, w.classid, w.objid, w.objsubid) "
         "LEFT JOIN locks t ON w.relation IS NULL AND t.pid = w.pid AND t.granted "
         "AND t.locktype = 'tuple' "
         "LEFT JOIN pg_class c ON c.oid = coalesce(w.relation, t.relation) "
         "AND coalesce(w.database, t.database) IN (0, (SELECT d.oid FROM pg_database d "
         "WHERE d.datname = current_database())) "
         "LEFT JOIN pg_namespace n ON n.oid = c.relnamespace "
         "WHERE NOT w.granted AND w.pid = ANY ($1::int[]) ORDER BY 1, 6, 7 LIMIT 1000";
}

std::string blockers_sql() {
  return "SELECT pid, coalesce(state, ''), coalesce(usename, ''), coalesce(application_name, ''), "
         "coalesce((extract(epoch FROM clock_timestamp() - xact_start) * 1000000)::bigint, 0), "
         "left(coalesce(query, ''), 2000) FROM pg_stat_activity WHERE pid = ANY ($1::int[])";
}

std::string transactions_sql() {
  return "SELECT pid, coalesce(backend_type, ''), coalesce(state, ''), "
         "(extract(epoch FROM clock_timestamp() - xact_start) * 1000000)::bigint, "
         "left(coalesce(query, ''), 2000) FROM pg_stat_activity "
         "WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 3";
}

}  // namespace pgflame::context
