// What the server said about itself over a recording, when it was asked (--dsn).
//
// Counters are differences between a look just before the recording and one just after it; what was
// reset in between is left out. Texts are as the server sent them, without control characters and
// of bounded length, and anybody who may create a table may have chosen them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pgflame {

struct Setting {
  std::string name;
  std::string value;  // with its unit: "4MB"
};

// "xact_commit", "checkpoints_timed", "wal_bytes", ...: see src/context/server_sql.cpp.
struct Counter {
  std::string name;
  int64_t value = 0;
};

// One statement of pg_stat_statements, all users together. Counted when a statement ends: one that
// is still running at the second look is not in it.
struct StatementUse {
  uint64_t query_id = 0;
  uint64_t text_id = 0;  // hash of the text without literals: the id of servers without query ids
  std::string database;
  std::string text;
  uint64_t calls = 0;
  uint64_t rows = 0;
  uint64_t exec_us = 0;
  uint64_t shared_hit = 0;  // blocks, here and below
  uint64_t shared_read = 0;
  uint64_t shared_dirtied = 0;
  uint64_t temp_read = 0;
  uint64_t temp_written = 0;
  uint64_t wal_bytes = 0;
};

struct TableColumn {
  std::string name;
  std::string type;
  int ordinal = 0;  // from 1, dropped columns counted
  bool not_null = false;
  bool fixed_width = false;
};

// A table of the database that was asked, from pg_stat_user_tables and pg_class.
struct TableUse {
  std::string schema;
  std::string name;
  uint64_t pages = 0;  // by the last VACUUM or ANALYZE
  uint64_t seq_scans = 0;
  uint64_t seq_rows = 0;
  uint64_t index_scans = 0;
  uint64_t index_rows = 0;
  uint64_t inserted = 0;
  uint64_t updated = 0;
  uint64_t hot_updated = 0;
  uint64_t deleted = 0;
  uint64_t live = 0;          // at the second look
  uint64_t dead = 0;          // likewise
  int64_t last_vacuum = 0;    // Unix seconds, by hand or autovacuum; 0 never
  int64_t last_analyze = 0;   // likewise
  std::string parent_schema;  // of a partition: the table that statements name; else its own
  std::string parent;
  std::vector<TableColumn> columns;  // of the parent; of the most read tables only
};

// A row of pg_stat_io (16 and later).
struct IoUse {
  std::string backend_type;
  std::string object;
  std::string context;
  uint64_t reads = 0;
  uint64_t writes = 0;
  uint64_t extends = 0;
  uint64_t hits = 0;
  uint64_t evictions = 0;
  uint64_t fsyncs = 0;
};

// Sessions of pg_stat_activity that were doing the same, at one of the two looks.
struct SessionCount {
  bool at_end = false;
  std::string backend_type;
  std::string state;       // empty for background processes
  std::string wait_class;  // empty: not waiting
  std::string wait_event;
  uint64_t count = 0;
};

// A session that others wait for and that waits for nobody's lock itself.
struct Blocker {
  bool at_end = false;
  int32_t pid = 0;
  uint64_t waiters = 0;  // directly or behind others
  std::string waits;     // what they wait for: "transactionid", "relation"; comma list
  std::string state;
  std::string user;
  std::string application;
  int64_t transaction_age_us = 0;
  std::string text;  // its last statement
  // The lock that most of those wait for who wait for this session directly; from pg_locks, empty
  // when nobody waited any more.
  std::string lock_type;    // "relation", "transactionid", "advisory", ...
  std::string schema;       // of the relation; for a transaction's lock, of the row waited for
  std::string relation;     // empty: none, or of another database
  std::string wanted_mode;  // "AccessShareLock"
  std::string held_mode;    // the session's own; empty when it waits ahead or holds it no more
};

// The oldest transactions at the second look.
struct OldTransaction {
  int32_t pid = 0;
  std::string backend_type;
  std::string state;
  int64_t age_us = 0;
  std::string text;
};

struct DatabaseContext {
  std::vector<std::string> problems;  // sentences: what could not be asked, and why
  std::string version;                // "15.18 (Debian 15.18-0+deb12u1)"; empty: not connected
  int major = 0;
  uint16_t port = 0;        // that the server listens on
  std::string database;     // that was connected to
  int64_t interval_us = 0;  // between the two looks
  bool has_statements = false;
  std::vector<Setting> settings;
  std::vector<Counter> counters;
  std::vector<StatementUse> statements;  // most execution time first
  std::vector<TableUse> tables;          // most rows read and written first
  std::vector<IoUse> io;
  std::vector<SessionCount> sessions;
  std::vector<Blocker> blockers;  // most waiters first
  std::vector<OldTransaction> transactions;

  bool connected() const { return !version.empty(); }
};

}  // namespace pgflame
