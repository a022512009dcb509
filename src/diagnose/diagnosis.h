// What a profile means: graded, accounted for, classified, put into words.
//
// A plain value; src/report draws it, nothing in it is markup. Shares are of the weight of the
// samples that the part speaks of (activities and findings: on-CPU samples of the selection).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/profile/profile.h"

namespace pgflame::diagnose {

// A share with its 95 % Wilson interval.
struct Share {
  double share = 0;
  double low = 0;
  double high = 0;
};

struct Quality {
  char grade = 'F';                  // A to F; below C findings are withheld
  std::vector<std::string> reasons;  // why not A, worst first
  std::string remedy;                // what would raise it: exact package, flag or sysctl
  std::string cut_stacks;            // why stacks end early, and what would mend it; empty: none do
};

enum class VerdictClass {
  kCpuBound,
  kCpuStarved,
  kDiskBound,
  kContentionBound,
  kClientBound,
  kMixed,
  kOnCpuOnly,   // no waiting time was captured: says what it cannot know
  kEventsOnly,  // the samples count an event that tells no time
  kIdle,        // nothing worth speaking of ran
  kWithheld,    // quality below C
};

struct Verdict {
  VerdictClass kind = VerdictClass::kIdle;
  std::string text;  // one or two sentences
};

// Counts of samples; see Accounting in profile.h for the first five.
struct Totals {
  uint64_t captured = 0;
  uint64_t running = 0;  // of them on a CPU; those unnamed, truncated, unclassified are among these
  uint64_t lost = 0;
  uint64_t unnamed = 0;
  uint64_t truncated = 0;
  uint64_t unclassified = 0;
  // Share of the backends' lifetimes that samples account for, in all states; -1 unknown.
  double explained_wall = -1;
  std::string line;  // "59 640 samples · 12 lost · 0.8 % unnamed · ..."
};

// One row of the split that sums to 100 % of the on-CPU samples.
struct Activity {
  std::string id;     // "DEFORM"; "UNCLASSIFIED" for the rest
  std::string title;  // "tuple deforming"
  std::string area;   // colour class, see src/postgres/areas.h
  uint64_t samples = 0;
  double share = 0;
};

// One segment of all backend time: running | runnable | LWLock | Lock | IO | other waits | idle.
struct TimeSegment {
  std::string
      id;  // "running", "runnable", "LWLock", "Lock", "IO", "IPC", ..., "idle", "unexplained"
  uint64_t nanoseconds = 0;
  double share = 0;
};

struct Finding {
  std::string id;
  std::string title;
  std::string area;
  Share share;
  uint64_t samples = 0;
  double cores = 0;                  // CPUs kept busy by it; 0 when the rate is unknown
  std::optional<uint64_t> query_id;  // set when one query owns 80 % of it
  std::string tied_with;  // id of the finding beside it that the samples cannot rank against it
  std::string headline;   // with share, interval and cores
  std::string seen;
  std::string means;
  std::vector<std::string> actions;  // most likely first
  std::string confirm;               // SQL or a command to paste
  std::string refute;                // "would be wrong if"
  std::vector<std::string> frames;   // function names a callout may be pinned to, best first
};

struct TableRow {
  std::string key;     // query id, backend type, database...; or function name
  std::string detail;  // query text, module
  std::string area;
  uint64_t samples = 0;
  double share = 0;          // of CPU; self share for functions
  double total_share = 0;    // functions: with callees
  double waiting_share = 0;  // of waiting time
  std::string cluster{};     // which one of several (ClusterRow::name); empty: unknown, or only one
};

// One of several clusters.
struct ClusterRow {
  std::string name;  // "port 5432", see ClusterIndex; empty: samples of which it is not known
  Cluster cluster;
  uint64_t backends = 0;  // processes that were sampled
  uint64_t samples = 0;
  double share = 0;          // of CPU
  double waiting_share = 0;  // of waiting time
};

// One backend's time in nanoseconds. What the four states don't explain of its lifetime is the
// rest.
struct BackendRow {
  BackendId backend;
  std::string cluster;  // ClusterRow::name; empty when there are not several
  uint64_t lifetime = 0;
  uint64_t running = 0;  // by the scheduler
  uint64_t runnable = 0;
  uint64_t waiting = 0;
  uint64_t idle = 0;
  int64_t rest = 0;  // below 0: sums over a random choice of very many waits came out too high
};

// A statement of pg_stat_statements over the recording, joined to the samples by query id.
struct StatementRow {
  std::string query_id;
  std::string database;
  std::string text;
  double calls_per_second = 0;
  double cpu_us_per_call = -1;  // sampled; -1 when no sample carries the query's id
  double exec_us_per_call = 0;  // measured by the server, waiting included
  double rows_per_call = 0;
  double reads_per_second = 0;  // blocks that were not in shared buffers
  double hit_ratio = -1;        // -1 when it touched no block
  double temp_blocks_per_second = 0;
  bool repeated = false;  // very many calls for few rows each
};

// What --dsn brought, or what to ask by hand.
struct DatabaseView {
  bool asked = false;                    // the database answered
  std::string title;                     // "PostgreSQL 15.18, database app, two looks 60 s apart"
  std::vector<std::string> sentences;    // what it says, and what could not be asked
  std::vector<std::string> settings;     // "work_mem = 4MB"
  std::vector<StatementRow> statements;  // most sampled CPU first
  double seconds = 0;                    // between the two looks
  std::vector<Counter> counters;         // what they grew by meanwhile
  std::vector<SessionCount> sessions;    // at both looks
  std::vector<Blocker> blockers;         // most waiters first
  std::string sql;                       // without an answer: what to paste instead
};

struct Diagnosis {
  bool has_waits = false;  // waiting time was captured too, not only what ran on CPUs
  Quality quality;
  Totals totals;
  Verdict verdict;
  std::vector<TimeSegment> time;     // empty without wait data
  std::vector<Activity> activities;  // largest first, sums to 1
  std::vector<Finding> findings;     // worst first, empty when withheld
  DatabaseView database;
  std::vector<ClusterRow> clusters;  // most used first; empty when there are not several
  std::vector<TableRow> queries;
  std::vector<TableRow> backend_types;
  std::vector<TableRow> databases;
  std::vector<TableRow> users;
  std::vector<TableRow> applications;
  std::vector<BackendRow> backends;  // most time not idle first; none where lifetimes are unknown
  std::vector<TableRow> functions;   // top by self
  std::vector<TableRow> waits;       // wait events by time: key "LWLock:WALWrite", share of waiting
  std::string selection;             // what the diagnosis is restricted to; empty: everything
  std::vector<std::string> notes;    // sentences about artefacts and limits of these samples
};

std::string_view name_of(VerdictClass kind);  // "cpu-bound"

}  // namespace pgflame::diagnose
