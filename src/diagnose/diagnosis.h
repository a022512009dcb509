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
};

enum class VerdictClass {
  kCpuBound,
  kCpuStarved,
  kDiskBound,
  kContentionBound,
  kClientBound,
  kMixed,
  kOnCpuOnly,  // no waiting time was captured: says what it cannot know
  kIdle,       // nothing worth speaking of ran
  kWithheld,   // quality below C
};

struct Verdict {
  VerdictClass kind = VerdictClass::kIdle;
  std::string text;  // one or two sentences
};

// Counts of samples; see Accounting in profile.h for the first five.
struct Totals {
  uint64_t captured = 0;
  uint64_t running = 0;  // of them on a CPU; the four below are parts of these
  uint64_t lost = 0;
  uint64_t unnamed = 0;
  uint64_t truncated = 0;
  uint64_t unclassified = 0;
  double explained_wall = -1;  // share of backend wall time accounted for, -1 without wait data
  std::string line;            // "59 640 samples · 12 lost · 0.8 % unnamed · ..."
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
  std::string headline;              // with share, interval and cores
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
};

struct Diagnosis {
  Quality quality;
  Totals totals;
  Verdict verdict;
  std::vector<TimeSegment> time;     // empty without wait data
  std::vector<Activity> activities;  // largest first, sums to 1
  std::vector<Finding> findings;     // worst first, empty when withheld
  std::vector<TableRow> queries;
  std::vector<TableRow> backend_types;
  std::vector<TableRow> databases;
  std::vector<TableRow> users;
  std::vector<TableRow> applications;
  std::vector<TableRow> functions;  // top by self
  std::vector<TableRow> waits;      // wait events by time: key "LWLock:WALWrite", share of waiting
  std::string selection;            // what the diagnosis is restricted to; empty: everything
  std::vector<std::string> notes;   // sentences about artefacts and limits of these samples
};

std::string_view name_of(VerdictClass kind);  // "cpu-bound"

}  // namespace pgflame::diagnose
