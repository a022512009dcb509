#include "src/postgres/backend_types.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "src/postgres/function_names.h"
#include "src/postgres/server_major.h"

namespace pgflame::postgres {
namespace {

struct Main {
  std::string_view function;
  std::string_view type;
};

// In this order: of two on one stack, or of one process, the later one says more; extensions'
// workers have nothing but the general main. Function names are those of PostgreSQL 13 to 18.
constexpr std::array<Main, 25> kMains{{
    {"BackgroundWorkerMain", "background worker"},   // from 17 on
    {"StartBackgroundWorker", "background worker"},  // up to 16; in 18 it is the postmaster's
    {"PostgresMain", "client backend"},
    {"PostgresSingleUserMain", "standalone backend"},
    {"exec_replication_command", "walsender"},
    {"ApplyLauncherMain", "logical replication launcher"},
    {"ApplyWorkerMain", "logical replication worker"},  // up to 16 of table synchronisation too
    {"", "logical replication apply worker"},           // the same from 17 on
    {"TablesyncWorkerMain", "logical replication tablesync worker"},
    {"ParallelApplyWorkerMain", "logical replication parallel worker"},
    {"ReplSlotSyncWorkerMain", "slotsync worker"},
    {"ParallelWorkerMain", "parallel worker"},
    {"AutoVacLauncherMain", "autovacuum launcher"},
    {"AutoVacWorkerMain", "autovacuum worker"},
    {"do_autovacuum", "autovacuum worker"},
    {"BackgroundWriterMain", "background writer"},
    {"CheckpointerMain", "checkpointer"},
    {"WalWriterMain", "walwriter"},
    {"WalReceiverMain", "walreceiver"},
    {"WalSummarizerMain", "walsummarizer"},
    {"StartupProcessMain", "startup"},
    {"PgArchiverMain", "archiver"},
    {"PgstatCollectorMain", "stats collector"},
    {"SysLoggerMain", "logger"},
    {"IoWorkerMain", "io worker"},
}};

// Whose main function says less than their process title does.
constexpr std::array<std::string_view, 4> kOnlyTitled{"autoprewarm master",
                                                      "autoprewarm leader",
                                                      "autoprewarm worker",
                                                      "postmaster"};

// A position in kMains plus one; 0: none.
using Rank = uint8_t;

constexpr Rank kBackgroundWorkerMain = 1;
constexpr Rank kStartBackgroundWorker = 2;
constexpr Rank kApplyWorkerMain = 7;
static_assert(kMains[kApplyWorkerMain].function.empty());

Rank rank_of(const Profile& profile, const Function& function) {
  if (function.tier == NameTier::kNone || function.tier == NameTier::kPlaced) return 0;
  const bool known = function.module.valid() && profile.modules.contains(function.module);
  const std::string_view path = known ? profile.modules[function.module].path : std::string_view();
  if (!path.empty() && !is_server(path)) return 0;
  const std::string_view name = base_name(function.name);
  const auto* found = std::ranges::find(kMains, name, &Main::function);
  if (name.empty() || found == kMains.end()) return 0;
  const auto rank = static_cast<Rank>(found - kMains.begin() + 1);
  const int major = major_of_server(path);
  return rank == kStartBackgroundWorker && (major == 0 || major > 16) ? Rank{0} : rank;
}

// The rank of every stack, callers before callees.
std::vector<Rank> ranks_of_stacks(const Profile& profile) {
  std::vector<Rank> functions;
  functions.reserve(profile.functions.size());
  for (const Function& function : profile.functions)
    functions.push_back(rank_of(profile, function));
  std::vector<Rank> ranks;
  ranks.reserve(profile.stacks.size());
  for (const StackNode& node : profile.stacks) {
    if (ranks.empty()) {  // the empty stack
      ranks.push_back(0);
      continue;
    }
    const Rank callers = ranks[node.caller.value];
    Rank rank = callers;
    const Location& location = profile.locations[node.location];
    for (uint32_t i = 0; i < location.line_count; ++i)
      rank = std::max(rank, functions[profile.lines[location.first_line + i].function.value]);
    const bool since17 = rank == kApplyWorkerMain && callers == kBackgroundWorkerMain;
    ranks.push_back(since17 ? Rank{kApplyWorkerMain + 1} : rank);
  }
  return ranks;
}

// One that is about to run another program, or does, still has the stack it was forked with.
bool runs_the_server(const Backend& backend) {
  return backend.comm.empty() || backend.comm.front() == ':' || is_server(backend.comm);
}

}  // namespace

void fill_in_backend_types(Profile& profile) {
  const auto unknown = [](const Backend& backend) {
    return backend.type.empty() && backend.pid != 0 && runs_the_server(backend);
  };
  if (std::ranges::none_of(profile.backends, unknown)) return;
  const std::vector<Rank> of_stack = ranks_of_stacks(profile);
  std::vector<Rank> of_backend(profile.backends.size(), 0);
  for (const Sample& sample : profile.samples) {
    if (!sample.backend.valid()) continue;
    Rank& rank = of_backend[sample.backend.value];
    rank = std::max(rank, of_stack[sample.stack.value]);
  }
  for (size_t i = 0; i < of_backend.size(); ++i) {
    Backend& backend = profile.backends[BackendId{static_cast<uint32_t>(i)}];
    if (of_backend[i] != 0 && unknown(backend)) backend.type = kMains[of_backend[i] - 1].type;
  }
}

bool is_backend_type(std::string_view type) {
  return std::ranges::find(kMains, type, &Main::type) != kMains.end() ||
         std::ranges::find(kOnlyTitled, type) != kOnlyTitled.end();
}

}  // namespace pgflame::postgres
