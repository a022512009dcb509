// A profile: who was sampled, in which state, with which stack.
//
// The tables are those of pprof (github.com/google/pprof, proto/profile.proto), which is also the
// saved form (pprof.h). A *capture* is a Profile whose locations have addresses but no lines yet;
// naming (symbolizer/) fills the lines in and keeps the addresses, so that a saved profile can be
// named and diagnosed again.
//
// Invariant: nothing disappears. accounting.captured == sum of Sample::count, and every sample that
// was lost before it got here is counted in Recording::losses.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/ids.h"
#include "src/profile/database.h"

namespace pgflame {

using ModuleId = Id<struct ModuleTag>;
using MappingId = Id<struct MappingTag>;
using FunctionId = Id<struct FunctionTag>;
using LocationId = Id<struct LocationTag>;
using StackId = Id<struct StackTag>;
using BackendId = Id<struct BackendTag>;
using ApplicationId = Id<struct ApplicationTag>;

enum class ModuleKind : uint8_t {
  kFile,       // an executable or shared library
  kKernel,     // the kernel and its modules, BPF programs included
  kVdso,       // code the kernel maps into every process
  kJit,        // machine code made at run time (anonymous or memfd, executable)
  kAnonymous,  // any other mapping without a file
  kUnknown,    // no mapping covered the address, or the input named no module
};

// Memory that no file is mapped to.
constexpr bool is_memory(ModuleKind kind) {
  return kind == ModuleKind::kJit || kind == ModuleKind::kAnonymous;
}

struct Module {
  ModuleKind kind = ModuleKind::kUnknown;
  std::string path;      // as seen by the process; "[kernel]", "[vdso]", "" when unknown
  std::string build_id;  // lower-case hex, empty when unknown
};

// A range of addresses backed by a module. All backends of a cluster share their postmaster's.
struct Mapping {
  uint64_t start = 0;
  uint64_t end = 0;          // exclusive
  uint64_t file_offset = 0;  // of `start` in the module's file
  ModuleId module;
};

// How a frame got its name, best first. See ARCHITECTURE.md, "Names".
enum class NameTier : uint8_t {
  kNone,       // it has none; `Function::unnamed` says why
  kFull,       // .symtab, debug file, kernel symbol table, JIT map
  kExported,   // .dynsym
  kRecovered,  // proved by facts inside the binary
  kPlaced,     // only the source file is known: "nbtsearch.c:static+0x4f"
  kGiven,      // the input said so (folded text, perf script, somebody's pprof)
};

enum class Unnamed : uint8_t {
  kNamed,            // not unnamed
  kNoMapping,        // no mapping covers the address
  kNoSymbols,        // the module has no symbol for this function
  kModuleGone,       // the module's file could not be read
  kBuildIdMismatch,  // only a different build of the module was found
  kModuleCorrupt,    // the module's file is not a readable ELF file
  kKernelHidden,     // kptr_restrict, or a kernel of another boot
  kJit,              // code made at run time, without a perf map or jitdump
  kUnknownToInput,   // the input itself said [unknown]
};

struct Function {
  std::string name;  // never empty; an unnamed function is called "[unnamed] module+0x…"
  std::string file;  // source file when known ("nbtsearch.c"), else empty
  ModuleId module;
  uint64_t start = 0;  // virtual address in the module's file where the function begins, 0 unknown
  NameTier tier = NameTier::kNone;
  Unnamed unnamed = Unnamed::kNamed;
};

struct Line {
  FunctionId function;
  uint32_t line = 0;  // 0 when unknown
};

// One place in the code. `address` is what to look up: for return addresses one less than the
// address on the stack, so that it lies inside the call instruction.
struct Location {
  MappingId mapping;     // invalid when no mapping covered the address or the input had none
  uint64_t address = 0;  // in the process; 0 when the input had only names
  uint32_t first_line = 0;
  uint32_t line_count = 0;  // Profile::lines[first_line ...], innermost inlined function first
};

// Stacks form a prefix tree: a stack is a location and the stack that called it. Callers have
// smaller ids than their callees. Row 0 is the empty stack.
struct StackNode {
  LocationId location;
  StackId caller;
};
inline constexpr StackId kEmptyStack{0};

enum class State : uint8_t {
  kRunning,   // on a CPU
  kRunnable,  // waiting for a CPU
  kWaiting,   // off CPU, waiting for something; Sample::wait_event says for what when known
  kIdle,      // waiting for the client's next command
};
inline constexpr size_t kStateCount = 4;

enum class StackEnd : uint8_t {
  kUnknown,       // whoever took the stack did not say; look at the outermost frame
  kRoot,          // reached the process's or thread's entry point
  kTruncated,     // deeper than the limit
  kNoUnwindInfo,  // stopped in code without unwind information
  kUnreadable,    // the stack memory could not be read, or was not in the capture
  kNoStack,       // no user stack was captured
  // Stopped in code ...
  kNoModule,       // ... that no known mapping covers
  kBadUnwindInfo,  // ... whose unwind information is not understood, or leads nowhere
  kRunTimeCode,    // ... made at run time, without a table
  kNoRoom,         // ... whose table found no room
};
inline constexpr size_t kStackEndCount = 10;

// A process that was sampled. Called a backend even if it is none.
struct Backend {
  int32_t pid = 0;         // as the host sees it
  int32_t postmaster = 0;  // pid of its cluster's postmaster, 0 unknown
  int32_t leader = 0;      // parallel worker: pid of the leader, else 0
  int64_t start_time = 0;  // nanoseconds of the capture's clock, 0 unknown; tells reused pids apart
  std::string comm;        // kernel's short name
  std::string title;       // process title as last seen, without its activity part
  std::string type;        // as in pg_stat_activity.backend_type; empty when not known
  std::string database;    // empty when unknown
  std::string user;
  std::string application;  // as last seen; see application_name()
  // Of the recording, 0 when waits were not captured: how long it existed, and how much of that the
  // scheduler had it on a CPU. What is left is runnable, waiting and idle time; what those do not
  // explain was not seen.
  uint64_t lifetime_ns = 0;
  uint64_t on_cpu_ns = 0;
};

inline constexpr uint32_t kUnknownWait = 0xffffffff;

struct Sample {
  StackId stack = kEmptyStack;
  BackendId backend;
  uint32_t wait_event = kUnknownWait;  // Postgres' wait_event_info; 0 is "not waiting"
  uint32_t second = 0;                 // since Recording::start
  ApplicationId application;           // of the session then; none: what its backend says
  // Of the second, where the reader was asked for it; else 0.
  uint32_t microsecond : 20 = 0;
  StackEnd end : 4 = StackEnd::kUnknown;
  State state = State::kRunning;
  uint64_t query_id = 0;  // 0 unknown or none
  uint64_t count = 0;     // samples (running) or intervals (other states)
  uint64_t weight = 0;    // in Recording::event's unit; nanoseconds in other states
};
// There are as many as samples were taken, and every pass over them waits for memory.
static_assert(sizeof(Sample) == 48);

struct Query {
  uint64_t id = 0;
  std::string text;              // literals removed unless the user asked for raw text
  bool id_is_text_hash = false;  // compute_query_id was off: the id is a hash of the text
};

struct Cluster {
  int32_t postmaster = 0;
  uint16_t port = 0;    // 0 unknown
  int major = 0;        // 0 unknown
  std::string version;  // "15.18 (Debian 15.18-0+deb12u1)", as far as known
  std::string data_directory;
  std::string name;  // cluster_name, often empty
};

enum class WeightUnit : uint8_t { kNanoseconds, kCycles, kOther };

// The event whose overflow took the samples in state running.
struct Event {
  std::string name = "cpu-clock";
  WeightUnit unit = WeightUnit::kNanoseconds;
  double rate_hz = 0;  // samples per second and CPU that were asked for; 0 unknown
  // False: they count what `name` says (page-faults, instructions) and tell no time.
  bool is_cpu_time = true;
};

// Everything that was lost on the way here, by cause.
enum class Loss : uint8_t {
  kRingFull,         // samples: the kernel's buffer was full
  kSkipped,          // samples: expected but never seen (another BPF program was running)
  kThrottled,        // times the kernel throttled the event
  kMapFull,          // samples or intervals: a kernel-side table was full
  kStackUnreadable,  // samples kept, their stack could not be read
  kTagUnreadable,    // samples kept, query id, wait event or state could not be read
  kBadRecord,        // records of the input that were broken and skipped
  kFiltered,         // samples left out because the user asked (--pid, --time, other events)
  kProcessMissed,    // births and deaths of processes: the kernel's buffer was full
  kWaitEndMissed,    // ends of waits: likewise; their time is counted, on other stacks
};
inline constexpr size_t kLossCount = 10;
using Losses = std::array<uint64_t, kLossCount>;

// What the recording cost the host.
struct Cost {
  uint64_t agent_cpu_ns = 0;  // user + system time of pgflame while recording
  uint64_t bpf_ns = 0;        // run time of our BPF programs by the kernel's statistics, 0 unknown
  uint64_t bpf_runs = 0;
  uint64_t peak_rss_bytes = 0;
};

// Why stacks may end in code that was made at run time (JIT).
struct RunTimeCode {
  uint64_t earlier = 0;  // processes that had such code when the recording began
  uint64_t cut = 0;      // modules with more unwind information than is copied
  uint64_t refused = 0;  // modules whose unwind information found no room
};

// The host, once a second (from /proc).
struct HostSecond {
  uint32_t second = 0;
  double cpu_busy = 0;    // share of all CPUs, 0..1
  double cpu_steal = 0;   // share of all CPUs, 0..1
  uint32_t runnable = 0;  // processes in the run queues
  uint32_t cpu_mhz = 0;   // frequency, the mean of the CPUs; 0 unknown
  uint64_t switches = 0;  // context switches in this second
  uint64_t major_faults = 0;
  double psi_cpu = -1;  // "some" share in this second, 0..1; -1 unknown
  double psi_io = -1;
  double psi_memory = -1;
};

// How the profile came to be.
struct Recording {
  std::string host;
  std::string kernel;
  std::string architecture;
  uint32_t cpus = 0;  // online; 0 unknown
  // In Unix time and as a length below 2^62, so that the sum fits: forget_impossible_times.
  int64_t start_unix_ns = 0;    // 0 unknown
  uint64_t start_clock_ns = 0;  // the same by the clock of the capture; not saved; 0 unknown
  int64_t duration_ns = 0;      // 0 unknown
  Event event;
  bool has_waits = false;        // waiting, runnable and idle time was captured too
  bool whole_host = false;       // not restricted to Postgres processes
  bool truncated_input = false;  // the input ended in the middle
  std::string sampler;           // "bpf", "perf", "perf.data", "folded", ...
  std::string sampler_reason;    // why this one: one sentence
  std::string unwinder;          // "frame pointers", "table", "dwarf", ... ; empty unknown
  std::string command_line;
  std::string version;             // of the pgflame that recorded
  std::vector<std::string> notes;  // anything the reader of the report must know; sentences
  std::vector<HostSecond> host_seconds;
  Losses losses{};
  RunTimeCode run_time_code;
  Cost cost;
  // Sums over the backends.
  uint64_t lifetime_ns = 0;
  uint64_t on_cpu_ns = 0;
};

// Makes a start or a length unknown that is negative or beyond 2^62 ns (146 years; for a start, the
// year 2116): hostile captures claim such.
void forget_impossible_times(Recording& recording);

struct Profile {
  Recording recording;
  std::vector<Cluster> clusters;
  Table<ModuleId, Module> modules;
  Table<MappingId, Mapping> mappings;
  Table<FunctionId, Function> functions;
  std::vector<Line> lines;
  Table<LocationId, Location> locations;
  Table<StackId, StackNode> stacks;  // row 0 is the empty stack
  Table<BackendId, Backend> backends;
  Table<ApplicationId, std::string> applications;  // names that sessions have had
  std::vector<Query> queries;
  std::optional<DatabaseContext> database;  // what --dsn asked for; none without it
  std::vector<Sample> samples;
};

// Makes the backends' lifetimes unknown: for profiles of which samples were left out.
void forget_lifetimes(Profile& profile);

// The totals every output prints. Counts of samples in state running unless said otherwise.
struct Accounting {
  uint64_t captured = 0;  // all states
  uint64_t running = 0;
  uint64_t lost = 0;       // ring full + skipped + map full
  uint64_t unnamed = 0;    // running, and the leaf function has no name
  uint64_t truncated = 0;  // running, and the root was not reached
  uint64_t weight = 0;     // sum over running
};
Accounting account(const Profile& profile);
inline constexpr std::array kLostSamples{Loss::kRingFull, Loss::kSkipped, Loss::kMapFull};
uint64_t lost_samples(const Recording& recording);  // Accounting::lost, the sum of those

// The session's application_name when the sample was taken. The profile must outlive it.
std::string_view application_name(const Profile& profile, const Sample& sample);

// By StackId: whether one of the outermost frames is a known entry point (_start, clone,
// ret_from_fork, ...), any frame what a process forked by the postmaster does until it exits, or
// the outermost one in a file that is missing, so that nobody can tell.
std::vector<bool> stacks_from_root(const Profile& profile);
// Whether the sample's stack is whole; the last argument is for those with StackEnd::kUnknown.
bool reaches_root(const Sample& sample, const std::vector<bool>& from_root);

// The functions of a stack, outermost caller first, inlined ones included.
std::vector<FunctionId> functions_of(const Profile& profile, StackId stack);

std::string_view name_of(State state);
std::string_view name_of(Loss loss);
std::string_view name_of(NameTier tier);
std::string_view name_of(StackEnd end);
// "no symbols in the module", for a person.
std::string_view explain(Unnamed reason);

}  // namespace pgflame
