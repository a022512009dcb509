#include "tests/support/sample_report.h"

#include <algorithm>
#include <array>
#include <random>
#include <span>
#include <string>
#include <unordered_map>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/profile/builder.h"

namespace pgflame::testing {
namespace {

// What all client backends have below.
constexpr std::string_view kLoop =
    "_start;__libc_start_main;main;PostmasterMain;ServerLoop;BackendRun;PostgresMain;"
    "exec_simple_query;";
constexpr std::string_view kRun = "PortalRun;PortalRunSelect;standard_ExecutorRun;";

struct Path {
  std::string_view frames;  // ">" stands for kLoop + kRun, "<" for kLoop
  unsigned weight;          // samples per 1000
  unsigned query;           // row of kQueries, 0 none
};

constexpr std::array kQueries{
    std::string_view{},
    std::string_view{
        "SELECT date_trunc($1, created_at), sum(c148), sum(c149), max(c150) FROM wide_events WHERE "
        "tenant_id = $2 GROUP BY 1 ORDER BY 1"},
    std::string_view{"SELECT o.*, c.name FROM orders o JOIN customers c ON c.id = o.customer_id "
                     "WHERE lower(c.email) LIKE $1 AND o.state = ANY($2)"},
    std::string_view{"UPDATE accounts SET balance = balance + $1 WHERE id = $2"},
    std::string_view{"SELECT abalance FROM pgbench_accounts WHERE aid = $1"}};

constexpr std::array kCpuPaths{
    Path{">ExecAgg;agg_retrieve_direct;fetch_input_tuple;ExecSeqScan;ExecScan;ExecInterpExpr;"
         "slot_getsomeattrs_int;tts_buffer_heap_getsomeattrs",
         292,
         1},
    Path{">ExecAgg;agg_retrieve_direct;fetch_input_tuple;ExecSeqScan;ExecScan;SeqNext;"
         "heap_getnextslot;heapgettup_pagemode",
         61,
         1},
    Path{">ExecAgg;agg_retrieve_direct;fetch_input_tuple;ExecSeqScan;ExecScan;SeqNext;"
         "heap_getnextslot;heapgettup_pagemode;heapgetpage;HeapTupleSatisfiesVisibility",
         27,
         1},
    Path{">ExecAgg;agg_retrieve_direct;fetch_input_tuple;ExecSeqScan;ExecScan;SeqNext;"
         "heap_getnextslot;heapgettup_pagemode;heapgetpage;ReadBufferExtended;"
         "ReadBuffer_common;BufferAlloc;BufTableLookup;hash_search_with_hash_value",
         14,
         1},
    Path{">ExecAgg;agg_retrieve_direct;fetch_input_tuple;ExecSeqScan;ExecScan;SeqNext;"
         "heap_getnextslot;heapgettup_pagemode;heapgetpage;ReadBufferExtended;"
         "ReadBuffer_common;smgrread;mdread;FileRead;__libc_pread64;entry_SYSCALL_64;"
         "do_syscall_64;ksys_pread64;vfs_read;filemap_read;copy_page_to_iter",
         34,
         1},
    Path{">ExecAgg;agg_retrieve_direct;advance_aggregates;ExecInterpExpr;int8_avg_accum", 38, 1},
    Path{">ExecAgg;agg_retrieve_direct;advance_aggregates;ExecInterpExpr", 24, 1},
    Path{">ExecHashJoin;ExecScanHashBucket;ExecInterpExpr;texteq;memcmp", 21, 2},
    Path{">ExecHashJoin;ExecScanHashBucket", 33, 2},
    Path{">ExecHashJoin;MultiExecHash;ExecHashTableInsert;dense_alloc", 12, 2},
    Path{">ExecHashJoin;MultiExecHash;ExecSeqScan;ExecScan;ExecInterpExpr;textlike;"
         "UTF8_MatchText",
         44,
         2},
    Path{">ExecHashJoin;MultiExecHash;ExecSeqScan;ExecScan;ExecInterpExpr;lower;str_tolower",
         29,
         2},
    Path{">ExecHashJoin;MultiExecHash;ExecSeqScan;ExecScan;ExecInterpExpr;lower;str_tolower;"
         "towlower_l",
         35,
         2},
    Path{">ExecHashJoin;MultiExecHash;ExecSeqScan;ExecScan;ExecInterpExpr;lower;str_tolower;"
         "palloc;AllocSetAlloc",
         11,
         2},
    Path{">ExecHashJoin;ExecHashGetHashValue;hashtext;hash_any", 13, 2},
    Path{">ExecModifyTable;ExecUpdate;heap_update;heap_lock_tuple;XactLockTableWait;LockAcquire;"
         "LockAcquireExtended;hash_search_with_hash_value",
         16,
         3},
    Path{">ExecModifyTable;ExecUpdate;heap_update;XLogInsert;XLogRecordAssemble;pg_comp_crc32c",
         17,
         3},
    Path{">ExecModifyTable;ExecUpdate;heap_update;XLogInsert;XLogInsertRecord;LWLockAcquire",
         19,
         3},
    Path{"<finish_xact_command;CommitTransactionCommand;RecordTransactionCommit;XLogFlush;"
         "LWLockAcquireOrWait",
         12,
         3},
    Path{"<finish_xact_command;CommitTransactionCommand;RecordTransactionCommit;XLogFlush;"
         "XLogWrite;issue_xlog_fsync;fdatasync;entry_SYSCALL_64;do_syscall_64;ext4_sync_file",
         9,
         3},
    Path{">ExecIndexScan;ExecScan;IndexNext;index_getnext_slot;btgettuple;_bt_first;_bt_search;"
         "_bt_binsrch;_bt_compare",
         31,
         4},
    Path{">ExecIndexScan;ExecScan;IndexNext;index_getnext_slot;btgettuple;_bt_first;_bt_search;"
         "_bt_relandgetbuf;ReadBufferExtended;PinBuffer",
         17,
         4},
    Path{"<GetTransactionSnapshot;GetSnapshotData", 22, 4},
    Path{"<pg_plan_queries;standard_planner;subquery_planner;query_planner;make_one_rel;"
         "set_rel_pathlist;create_index_paths",
         26,
         4},
    Path{"<pg_plan_queries;standard_planner;set_plan_references;set_plan_refs;set_plan_refs;"
         "set_plan_refs;fix_scan_expr",
         11,
         4},
    Path{"<pg_parse_query;raw_parser;base_yyparse;core_yylex", 18, 4},
    Path{"<pg_analyze_and_rewrite_fixedparams;parse_analyze_fixedparams;transformStmt;"
         "RelationIdGetRelation;hash_search_with_hash_value",
         9,
         4},
    Path{"<pg_analyze_and_rewrite_fixedparams;parse_analyze_fixedparams;transformStmt;"
         "SearchCatCache1",
         13,
         4},
    Path{"<EndCommand;pq_flush;internal_flush;secure_write;__libc_send;entry_SYSCALL_64;"
         "do_syscall_64;tcp_sendmsg",
         24,
         4},
    Path{"<[unnamed] libcrypto.so.3+0x1a2f40", 7, 0},
    Path{"_start;__libc_start_main;main;PostmasterMain;ServerLoop;BackgroundWriterMain;"
         "BgBufferSync;SyncOneBuffer",
         8,
         0},
    Path{"_start;__libc_start_main;main;PostmasterMain;ServerLoop;AutoVacWorkerMain;do_autovacuum;"
         "vacuum;heap_vacuum_rel;lazy_scan_heap;lazy_scan_prune;heap_page_prune",
         22,
         0}};

struct WaitPath {
  std::string_view frames;
  uint32_t event;
  unsigned milliseconds;  // per interval
  unsigned intervals;     // per second
};
// wait_event_info of PostgreSQL 15, src/include/utils/wait_event.h and lwlocknames.h.
constexpr uint32_t kWalWrite = 0x01000000 + 8;
constexpr uint32_t kTransactionId = 0x03000000 + 5;
constexpr uint32_t kDataFileRead = 0x0A000000 + 13;
constexpr uint32_t kClientRead = 0x06000000;
constexpr std::array kWaitPaths{
    WaitPath{"<finish_xact_command;CommitTransactionCommand;RecordTransactionCommit;XLogFlush;"
             "LWLockAcquireOrWait;PGSemaphoreLock",
             kWalWrite,
             6,
             55},
    WaitPath{
        ">ExecModifyTable;ExecUpdate;heap_update;heap_lock_tuple;XactLockTableWait;LockAcquire;"
        "LockAcquireExtended;ProcSleep;WaitLatch",
        kTransactionId,
        31,
        24},
    WaitPath{">ExecAgg;agg_retrieve_direct;fetch_input_tuple;ExecSeqScan;ExecScan;SeqNext;"
             "heap_getnextslot;heapgettup_pagemode;heapgetpage;ReadBufferExtended;"
             "ReadBuffer_common;smgrread;mdread;FileRead;__libc_pread64",
             kDataFileRead,
             2,
             130}};

std::string expand(std::string_view frames) {
  if (frames.starts_with('>')) return fmt::format("{}{}{}", kLoop, kRun, frames.substr(1));
  if (frames.starts_with('<')) return fmt::format("{}{}", kLoop, frames.substr(1));
  return std::string(frames);
}

bool is_kernel(std::string_view name) {
  constexpr std::array kKernel{"entry_SYSCALL_64",
                               "do_syscall_64",
                               "ksys_pread64",
                               "vfs_read",
                               "filemap_read",
                               "copy_page_to_iter",
                               "ext4_sync_file",
                               "tcp_sendmsg"};
  return std::ranges::find(kKernel, name) != kKernel.end();
}

class Maker {
 public:
  Maker() {
    postgres_ = builder_.module({ModuleKind::kFile, "/usr/lib/postgresql/15/bin/postgres", "44c0"});
    libc_ = builder_.module({ModuleKind::kFile, "/usr/lib/x86_64-linux-gnu/libc.so.6", "a1b2"});
    kernel_ = builder_.module({ModuleKind::kKernel, "[kernel]", ""});
  }

  StackId stack(std::string_view frames) {
    StackId at = kEmptyStack;
    for (const std::string_view name : split(frames, ';')) {
      const std::array<Line, 1> lines{Line{function(name), 0}};
      at = builder_.push(at, builder_.named_location({}, 0, lines));
    }
    return at;
  }

  BackendId backend(int32_t pid,
                    std::string_view type,
                    std::string_view database,
                    std::string_view user,
                    std::string_view application) {
    Backend row;
    row.pid = pid;
    row.postmaster = 4100;
    row.comm = "postgres";
    row.type = type;
    row.database = database;
    row.user = user;
    row.application = application;
    return builder_.backend(row);
  }

  ProfileBuilder& builder() { return builder_; }
  Profile take() { return std::move(builder_).take(); }

 private:
  FunctionId function(std::string_view name) {
    Function row;
    row.name = name;
    row.module = is_kernel(name) ? kernel_ : postgres_;
    row.tier = NameTier::kExported;
    if (name.starts_with("_") || name.starts_with("mem") || name.starts_with("towlower")) {
      if (!name.starts_with("_bt")) row.module = libc_;
    }
    if (name.starts_with("tts_") || name == "ExecInterpExpr") row.tier = NameTier::kRecovered;
    if (name.starts_with("[unnamed]")) {
      row.tier = NameTier::kNone;
      row.unnamed = Unnamed::kNoSymbols;
      row.module = libc_;
    }
    return builder_.function(row);
  }

  ProfileBuilder builder_;
  ModuleId postgres_;
  ModuleId libc_;
  ModuleId kernel_;
};

void fill_recording(Profile& profile) {
  Recording& recording = profile.recording;
  recording.host = "db-prod-3";
  recording.kernel = "6.1.0-18-amd64";
  recording.architecture = "x86_64";
  recording.cpus = 8;
  recording.start_unix_ns = 1'795'230'937'000'000'000;
  recording.duration_ns = 60'000'000'000;
  recording.event.rate_hz = 99;
  recording.has_waits = true;
  recording.sampler = "bpf";
  recording.sampler_reason = "the kernel has BTF and lets this user load BPF programs";
  recording.unwinder = "table";
  recording.command_line = "pgflame record -p postgres 60s";
  recording.version = "0.1.0";
  recording.losses[static_cast<size_t>(Loss::kRingFull)] = 12;
  recording.cost = {186'000'000, 51'000'000, 24'300, 41'000'000};
  for (uint32_t i = 0; i < 60; ++i) {
    HostSecond second;
    second.second = i;
    second.cpu_busy = 0.62 + 0.3 * ((i * 7) % 11) / 11.0;
    second.runnable = 4 + (i * 5) % 9;
    second.switches = 18'200 + i * 131 % 4000;
    second.major_faults = i % 17 == 0 ? 3 : 0;
    second.psi_cpu = 0.08 + 0.1 * (i % 5) / 5;
    second.psi_io = 0.02;
    second.psi_memory = 0;
    recording.host_seconds.push_back(second);
  }
  Cluster cluster;
  cluster.postmaster = 4100;
  cluster.port = 5432;
  cluster.major = 15;
  cluster.version = "15.18 (Debian 15.18-0+deb12u1)";
  cluster.name = "main";
  profile.clusters.push_back(cluster);
  for (uint64_t i = 1; i < kQueries.size(); ++i)
    profile.queries.push_back(Query{0x9e3779b97f4a7c15ULL * i, std::string(kQueries[i]), false});
}

// How much of a path runs in a second: a load that changes through the recording.
double load_at(unsigned query, uint32_t second) {
  const double wave = 0.15 * ((second * 13 + query * 7) % 10) / 10.0;
  if (query == 1) return second >= 14 && second < 47 ? 1.35 + wave : 0.55 + wave;
  if (query == 2) return second >= 38 ? 1.5 + wave : 0.75 + wave;
  return 0.9 + wave;
}

struct Scale {
  std::string_view part;  // paths that contain this
  double factor = 1;
};

Profile mixed_profile(std::span<const Scale> scales) {
  Maker maker;
  const std::array backends{maker.backend(4211, "client backend", "shop", "app", "reports"),
                            maker.backend(4212, "client backend", "shop", "app", "web"),
                            maker.backend(4213, "client backend", "shop", "app", "web"),
                            maker.backend(4214, "client backend", "shop", "batch", "pgbench"),
                            maker.backend(4102, "background writer", "", "", "")};
  for (const Path& path : kCpuPaths) {
    double factor = 1;
    for (const Scale& scale : scales) {
      if (path.frames.find(scale.part) != std::string_view::npos) factor *= scale.factor;
    }
    const std::string frames = expand(path.frames);
    for (uint32_t second = 0; second < 60; ++second) {
      Sample sample;
      sample.count =
          static_cast<uint64_t>(path.weight * factor * 0.45 * load_at(path.query, second));
      if (sample.count == 0) continue;
      sample.stack = maker.stack(frames);
      sample.backend = backends[path.query == 0 ? 4 : path.query - 1];
      sample.end = StackEnd::kRoot;
      sample.query_id = 0x9e3779b97f4a7c15ULL * path.query;
      sample.second = second;
      sample.weight = sample.count * 10'101'010;
      sample.wait_event = 0;
      maker.builder().add(sample);
    }
  }
  for (const WaitPath& path : kWaitPaths) {
    const std::string frames = expand(path.frames);
    for (uint32_t second = 0; second < 60; ++second) {
      Sample sample;
      sample.stack = maker.stack(frames);
      sample.backend = backends[path.event == kDataFileRead ? 0 : 2];
      sample.state = State::kWaiting;
      sample.end = StackEnd::kRoot;
      sample.wait_event = path.event;
      sample.query_id = 0x9e3779b97f4a7c15ULL * (path.event == kDataFileRead ? 1 : 3);
      sample.second = second;
      sample.count = path.intervals;
      sample.weight = uint64_t{path.intervals} * path.milliseconds * 1'000'000;
      maker.builder().add(sample);
    }
  }
  Sample idle;
  idle.backend = backends[1];
  idle.state = State::kIdle;
  idle.wait_event = kClientRead;
  idle.count = 4400;
  idle.weight = 61'000'000'000;
  maker.builder().add(idle);
  Profile profile = maker.take();
  fill_recording(profile);
  return profile;
}

diagnose::Finding deform_finding() {
  diagnose::Finding finding;
  finding.id = "DEFORM";
  finding.title = "Tuple deforming";
  finding.area = "tuple";
  finding.share = {0.301, 0.296, 0.306};
  finding.samples = 9312;
  finding.cores = 1.57;
  finding.query_id = 0x9e3779b97f4a7c15ULL;
  finding.headline = "Tuple deforming: 30 % of CPU (30–31), 1.6 of 8 cores, one query";
  finding.seen =
      "Wide plateau: tts_buffer_heap_getsomeattrs has 30 % of the samples as its own time, all of "
      "it under the SeqScan below the Agg of query -7046029254386353131.";
  finding.means =
      "Columns that stand late in a row are reached by walking over all columns before them. "
      "Variable-length columns and NULLs before the last needed column make each step slower.";
  finding.actions = {
      "Move the hot fixed-width NOT NULL columns of the table to the front.",
      "Select fewer late columns, or split the rarely used ones off into a second table.",
      "Let a covering index answer the query: it stores only the columns it needs."};
  finding.confirm =
      "SELECT attnum, attname, attlen, attnotnull\n  FROM pg_attribute\n WHERE attrelid = "
      "'wide_events'::regclass AND attnum > 0\n ORDER BY attnum;";
  finding.refute =
      "EXPLAIN (ANALYZE, BUFFERS) shows that most rows are thrown away by the filter before the "
      "late columns are needed.";
  finding.frames = {"tts_buffer_heap_getsomeattrs", "slot_deform_heap_tuple"};
  return finding;
}

diagnose::Finding qual_finding() {
  diagnose::Finding finding;
  finding.id = "QUAL";
  finding.title = "Expression evaluation";
  finding.area = "expression";
  finding.share = {0.172, 0.168, 0.176};
  finding.samples = 5320;
  finding.cores = 0.9;
  finding.headline = "Expressions in WHERE: 17 % of CPU (17–18), 0.9 of 8 cores";
  finding.seen =
      "Jagged towers above ExecInterpExpr: str_tolower 7 %, UTF8_MatchText 4 %, int8_avg_accum "
      "4 %, towlower_l 3 %.";
  finding.means =
      "The filter lower(email) LIKE … runs once for every row that the scan delivers, and lower() "
      "converts the whole string each time.";
  finding.actions = {"Give the expression an index, so that fewer rows reach it.",
                     "Store the lower-cased value in a generated column."};
  finding.confirm = "CREATE INDEX CONCURRENTLY ON customers (lower(email) text_pattern_ops);";
  finding.refute = "The scan's filter removes few rows (EXPLAIN ANALYZE: Rows Removed by Filter).";
  finding.frames = {"textlike", "ExecInterpExpr"};
  return finding;
}

diagnose::Finding lwlock_finding() {
  diagnose::Finding finding;
  finding.id = "WAL-FLUSH";
  finding.title = "Commits waiting for WAL";
  finding.area = "wal";
  finding.share = {0.066, 0.063, 0.069};
  finding.samples = 2033;
  finding.cores = 0.34;
  finding.headline = "Commits and WAL: 6.6 % of CPU (6.3–6.9), 20 s waiting on LWLock:WALWrite";
  finding.seen = "XLogInsert and XLogFlush under heap_update and RecordTransactionCommit.";
  finding.means =
      "Many small transactions each wait until their WAL is on disk; one at a time holds "
      "WALWriteLock and writes for all that queued behind it.";
  finding.actions = {"Put several changes into one transaction."};
  finding.confirm = "SELECT wal_records, wal_fpi, wal_bytes, wal_sync FROM pg_stat_wal;";
  finding.refute = "pg_stat_wal.wal_sync grows far slower than the number of commits.";
  finding.frames = {"XLogInsert", "XLogFlush"};
  return finding;
}

diagnose::Diagnosis hand_written_diagnosis(const Profile& profile) {
  diagnose::Diagnosis diagnosis;
  const Accounting total = account(profile);
  diagnosis.quality.grade = 'B';
  diagnosis.quality.reasons = {"0.7 % of the leaf frames have no name (libcrypto.so.3)"};
  diagnosis.totals.captured = total.captured;
  diagnosis.totals.lost = total.lost;
  diagnosis.totals.unnamed = total.unnamed;
  diagnosis.totals.explained_wall = 0.987;
  diagnosis.totals.line = fmt::format(
      "{} samples · 12 lost · 0.7 % unnamed · 0.0 % truncated · 98.7 % of backend wall time "
      "accounted",
      format_count(total.captured));
  diagnosis.verdict = {diagnose::VerdictClass::kCpuBound,
                       "CPU-bound: 71 % of active backend time is on a CPU. 30 % of that (30–31) "
                       "deforms tuples, nearly all of it for one query."};
  diagnosis.time = {{"running", 312'000'000'000, 0.642},
                    {"runnable", 12'000'000'000, 0.025},
                    {"LWLock", 19'800'000'000, 0.041},
                    {"Lock", 44'640'000'000, 0.092},
                    {"IO", 15'600'000'000, 0.032},
                    {"idle", 75'500'000'000, 0.155},
                    {"unexplained", 6'300'000'000, 0.013}};
  diagnosis.activities = {{"DEFORM", "tuple deforming", "tuple", 9312, 0.301},
                          {"QUAL", "expressions", "expression", 5320, 0.172},
                          {"UNCLASSIFIED", "unclassified", "other", 300, 0.01}};
  diagnosis.findings = {deform_finding(), qual_finding(), lwlock_finding()};
  constexpr std::array kShares{0.0, 0.49, 0.21, 0.08, 0.19};
  constexpr std::array kWaits{0.0, 0.19, 0.0, 0.81, 0.0};
  for (uint64_t i = 1; i < kQueries.size(); ++i) {
    diagnose::TableRow row;
    row.key = std::to_string(static_cast<int64_t>(0x9e3779b97f4a7c15ULL * i));
    row.detail = kQueries[i];
    row.share = kShares[i];
    row.waiting_share = kWaits[i];
    diagnosis.queries.push_back(row);
  }
  diagnosis.backend_types = {{"client backend", "", "", 29'800, 0.96, 0, 0.99},
                             {"background writer", "", "", 900, 0.04, 0, 0.01}};
  diagnosis.databases = {{"shop", "", "", 29'800, 0.96, 0, 1.0}, {"", "", "", 900, 0.04, 0, 0}};
  diagnosis.users = {{"app", "", "", 24'000, 0.78, 0, 1.0}, {"batch", "", "", 5'800, 0.19, 0, 0}};
  diagnosis.applications = {{"reports", "", "", 15'000, 0.49, 0, 0.19},
                            {"web", "", "", 9'000, 0.29, 0, 0.81},
                            {"pgbench", "", "", 5'800, 0.19, 0, 0}};
  diagnosis.waits = {{"Lock:transactionid", "", "", 1440, 0, 0, 0.56},
                     {"LWLock:WALWrite", "", "", 3300, 0, 0, 0.25},
                     {"IO:DataFileRead", "", "", 7800, 0, 0, 0.19}};
  diagnosis.notes = {"Without a hardware counter samples land where interrupts are re-enabled."};
  diagnosis.functions = {
      {"tts_buffer_heap_getsomeattrs", "postgres", "tuple", 9312, 0.301, 0.301, 0},
      {"heapgettup_pagemode", "postgres", "heap", 1950, 0.063, 0.14, 0},
      {"UTF8_MatchText", "postgres", "expression", 1400, 0.045, 0.045, 0},
      {"int8_avg_accum", "postgres", "expression", 1210, 0.039, 0.039, 0},
      {"copy_page_to_iter", "[kernel]", "kernel", 1090, 0.035, 0.035, 0},
      {"ExecScanHashBucket", "postgres", "hash", 1050, 0.034, 0.055, 0}};
  return diagnosis;
}

}  // namespace

SampleReport sample_report() {
  SampleReport report;
  report.profile = mixed_profile({});
  report.diagnosis = hand_written_diagnosis(report.profile);
  return report;
}

SampleReport sample_report_after() {
  constexpr std::array kScales{Scale{"tts_buffer_heap_getsomeattrs", 0.5},
                               Scale{"standard_planner", 0.0},
                               Scale{"ExecHashJoin", 1.4}};
  SampleReport report;
  report.profile = mixed_profile(kScales);
  report.profile.recording.start_unix_ns += 3'600'000'000'000;
  report.diagnosis = hand_written_diagnosis(report.profile);
  return report;
}

SampleReport large_report(size_t stacks) {
  Maker maker;
  std::mt19937 engine(7);
  const auto random = [&engine] { return static_cast<uint32_t>(engine()); };
  const BackendId backend = maker.backend(4300, "client backend", "shop", "app", "web");
  for (size_t i = 0; i < stacks; ++i) {
    std::string frames = expand(kCpuPaths[i % kCpuPaths.size()].frames);
    const unsigned extra = 1 + random() % 12;
    for (unsigned k = 0; k < extra; ++k)
      frames += fmt::format(";callee_{}", random() % 400);
    Sample sample;
    sample.stack = maker.stack(frames);
    sample.backend = backend;
    sample.end = StackEnd::kRoot;
    sample.second = random() % 60;
    sample.count = 1 + random() % 3;
    sample.weight = sample.count * 10'101'010;
    maker.builder().add(sample);
  }
  SampleReport report;
  report.profile = maker.take();
  fill_recording(report.profile);
  report.diagnosis = hand_written_diagnosis(report.profile);
  return report;
}

namespace {

constexpr std::string_view kAttack =
    "\"/></title></text></svg><script>window.pwned=1</script><img src=x onerror=pwned=1>"
    "]]>&bogus;\x01\x02\xff\xfe\xed\xa0\x80 \xe2\x80\xae evil '\" onload='pwned=1'";
constexpr std::string_view kWide = "查詢計劃器在等待鎖定 e\xcc\x81\xcc\x82\xcc\x83";

std::string attack_and(std::string_view more) {
  return std::string(kAttack).append(more);
}

void attack_profile(Profile& profile) {
  size_t row = 0;
  for (Function& function : profile.functions) {
    ++row;
    if (row % 3 == 0) function.name += kAttack;
    if (row % 5 == 0) function.name = std::string(kWide) + function.name;
    if (row % 2 == 0) function.file = attack_and(".c");
  }
  for (Module& module : profile.modules)
    module.path += attack_and(kWide);
  for (Query& query : profile.queries)
    query.text = attack_and(query.text);
  for (Backend& backend : profile.backends) {
    for (std::string* text : {&backend.title,
                              &backend.application,
                              &backend.database,
                              &backend.user,
                              &backend.comm,
                              &backend.type}) {
      *text += attack_and(kWide);
    }
  }
  Recording& recording = profile.recording;
  for (std::string* text : {&recording.host,
                            &recording.sampler,
                            &recording.sampler_reason,
                            &recording.command_line,
                            &recording.kernel,
                            &recording.version,
                            &profile.clusters[0].name,
                            &profile.clusters[0].version}) {
    *text = attack_and(std::string(400, 'W'));
  }
  recording.notes.emplace_back(kAttack);
}

// As after --dsn: anybody who may create a table chooses texts here.
void attack_database(diagnose::DatabaseView& view) {
  view.asked = true;
  view.title = attack_and(kWide);
  view.sentences = {attack_and(kWide), std::string(2000, 'M')};
  view.settings = {attack_and(" = 4MB"), attack_and(kWide)};
  for (const std::string_view id : {std::string_view("42"), kAttack}) {
    diagnose::StatementRow statement;
    statement.query_id = id;
    statement.text = attack_and(std::string(500, 'W'));
    view.statements.push_back(statement);
  }
  view.sql = attack_and("\n  FROM t;");
}

void attack_clusters(SampleReport& report) {
  Cluster other = report.profile.clusters.front();
  other.postmaster = 4200;
  other.data_directory = attack_and(std::string(400, 'W'));
  report.profile.clusters.push_back(other);
  report.profile.backends[BackendId{0}].postmaster = other.postmaster;
  for (const Cluster& cluster : report.profile.clusters)
    report.diagnosis.clusters.push_back({attack_and(kWide), cluster, 3, 40, 0.5, 0.5});
}

void attack_diagnosis(diagnose::Diagnosis& diagnosis) {
  diagnosis.verdict.text = attack_and(std::string(3000, 'M').append(kWide));
  for (diagnose::Finding& finding : diagnosis.findings) {
    finding.headline = std::string(300, 'W').append(kAttack);
    finding.seen = attack_and(kWide);
    finding.confirm = attack_and('\n' + std::string(900, '`'));
    finding.id = kAttack;
    finding.area = kAttack;
    finding.frames.emplace_back(kAttack);
  }
  for (auto* table : {&diagnosis.queries,
                      &diagnosis.users,
                      &diagnosis.functions,
                      &diagnosis.databases,
                      &diagnosis.applications,
                      &diagnosis.backend_types,
                      &diagnosis.waits}) {
    for (diagnose::TableRow& cells : *table) {
      cells.key = std::string(kWide).append(kAttack);
      cells.detail = attack_and(std::string(kWide) + std::string(500, 'W'));
      cells.cluster = attack_and(kWide);
    }
  }
  attack_database(diagnosis.database);
}

SampleReport attacked(SampleReport report) {
  attack_profile(report.profile);
  attack_diagnosis(report.diagnosis);
  attack_clusters(report);
  return report;
}

// Bytes of which a good part means something to XML, HTML, JSON or UTF-8.
class Noise {
 public:
  explicit Noise(uint32_t seed) : engine_(seed) {}

  std::string operator()() {
    constexpr std::array<std::string_view, 16> kPieces{"<",
                                                       ">",
                                                       "&",
                                                       "\"",
                                                       "'",
                                                       "]]>",
                                                       "<!--",
                                                       "-->",
                                                       "</text>",
                                                       "<![CDATA[",
                                                       "&#0;",
                                                       "<?xml",
                                                       "\xef\xbf\xbf",
                                                       "\xf0\x9f\x90",
                                                       "\xe2\x80\xae",
                                                       "查"};
    std::string text;
    for (size_t left = 1 + below(40); left > 0; --left) {
      if (below(4) == 0) {
        text += kPieces[below(kPieces.size())];
      } else {
        text += static_cast<char>(below(256));
      }
    }
    return text;
  }

 private:
  size_t below(size_t end) { return engine_() % end; }

  std::mt19937 engine_;
};

}  // namespace

SampleReport hostile_report() {
  return attacked(sample_report());
}

SampleReport hostile_report_after() {
  return attacked(sample_report_after());
}

SampleReport fuzzed_report(uint32_t seed) {
  Noise noise(seed);
  SampleReport report = sample_report();
  Profile& profile = report.profile;
  for (Function& function : profile.functions) {
    function.name = noise();
    function.file = noise();
  }
  for (Module& module : profile.modules)
    module.path = noise();
  for (Query& query : profile.queries)
    query.text = noise();
  for (Backend& backend : profile.backends) {
    for (std::string* text :
         {&backend.title, &backend.application, &backend.database, &backend.user, &backend.type})
      *text = noise();
  }
  Recording& recording = profile.recording;
  for (std::string* text : {&recording.host, &recording.sampler_reason, &recording.command_line})
    *text = noise();
  recording.notes = {noise(), noise()};
  diagnose::Diagnosis& diagnosis = report.diagnosis;
  diagnosis.verdict.text = noise();
  for (diagnose::Finding& finding : diagnosis.findings) {
    for (std::string* text : {&finding.id, &finding.area, &finding.headline, &finding.confirm})
      *text = noise();
    finding.frames = {noise(), profile.functions[FunctionId{0}].name};
  }
  for (auto* table : {&diagnosis.queries, &diagnosis.users, &diagnosis.functions}) {
    for (diagnose::TableRow& cells : *table)
      cells.key = noise();
  }
  diagnosis.database.asked = true;
  diagnosis.database.sentences = {noise()};
  diagnosis.database.sql = noise();
  return report;
}

SampleReport withheld_report() {
  SampleReport report = sample_report();
  report.profile.recording.has_waits = false;
  diagnose::Diagnosis& diagnosis = report.diagnosis;
  diagnosis.quality = {'D',
                       {"61 % of the stacks end before their root: the binary was built without "
                        "frame pointers"},
                       "Record with --call-graph dwarf, or with pgflame record on the host itself: "
                       "it unwinds by table and needs no frame pointers.",
                       ""};
  diagnosis.verdict = {diagnose::VerdictClass::kWithheld,
                       "The capture is too poor for a verdict: most stacks are cut."};
  diagnosis.time.clear();
  diagnosis.findings.clear();
  return report;
}

}  // namespace pgflame::testing
