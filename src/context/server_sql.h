// The SQL that is asked, by major version (13 to 18). Catalog and statistics views only.
//
// Columns were checked against src/backend/catalog/system_views.sql and
// contrib/pg_stat_statements of each major.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgflame::context {

// server_version, major, port, database, microseconds since 1970, whether statistics of other
// users may be read.
std::string identity_sql();

// name, value with unit; of the settings that findings refer to.
std::string settings_sql();

// Each: rows of (name, bigint).
std::vector<std::string> counters_sql(int major);

// The schema of pg_stat_statements, quoted, and its version; no row when it is not installed.
std::string statements_place_sql();
// database, queryid, calls, rows, execution microseconds, shared blocks hit, read, dirtied,
// temporary blocks read, written, WAL bytes. Extension 1.8 (PostgreSQL 13) and later.
std::string statements_sql(std::string_view schema);
// queryid, text; of the ids in $1, a bigint array.
std::string statement_texts_sql(std::string_view schema);

// oid, schema, name, pages, then the counters of TableUse in its order.
std::string tables_sql();
// oid of the table, schema and name of the table that the columns are of (the table, or its
// partitioned parent), then the fields of TableColumn; of the tables in $1, an oid array.
std::string columns_sql();

// backend type, object, context, reads, writes, extends, hits, evictions, fsyncs; empty before 16.
std::string io_sql(int major);

// backend type, state, wait class, wait event, number of sessions.
std::string sessions_sql();
// Of each session that waits for a lock: pid, wait event, pids that block it as "{1,2}".
std::string blocked_sql();
// Of each session in $1, an int array, that waits for a lock: pid, type of the lock, mode it wants,
// schema and name of the relation, and who of $2 holds the lock in which mode (0 and nothing:
// none). The relation of whoever waits for a transaction is that of the row it is about to lock.
std::string locks_sql();
// pid, state, user, application, microseconds since its transaction began, statement; of the pids
// in $1, an int array.
std::string blockers_sql();
// pid, backend type, state, age in microseconds, statement.
std::string transactions_sql();

}  // namespace pgflame::context
