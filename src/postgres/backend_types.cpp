#include "src/postgres/backend_types.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace pgflame::postgres {
namespace {

struct Main {
  std::string_view function;
  std::string_view type;
};

// In this order: of two on one stack, or of one process, the later one says more. A walsender is a
// client backend until it is told to send; extensions' workers have nothing but the general main.
// Function names are those of PostgreSQL 13 to 18. Up to 16 ApplyWorkerMain is the main of table
// synchronisation too.
constexpr std::array<Main, 24> kMains{{
    {"BackgroundWorkerMain", "background worker"},
    {"StartBackgroundWorker", "background worker"},
    {"PostgresMain", "client backend"},
    {"PostgresSingleUserMain", "standalone backend"},
    {"exec_replication_command", "walsender"},
    {"ApplyLauncherMain", "logical replication launcher"},
    {"ApplyWorkerMain", "logical replication worker"},
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

// A position in kMains plus one; 0: none.
using Rank = uint8_t;

Rank rank_of(std::string_view function) {
  const auto* found = std::ranges::find(kMains, function, &Main::function);
  return found == kMains.end() ? Rank{0} : static_cast<Rank>(found - kMains.begin() + 1);
}

// The rank of every stack, callers before callees.
std::vector<Rank> ranks_of_stacks(const Profile& profile) {
  std::vector<Rank> functions;
  functions.reserve(profile.functions.size());
  for (const Function& function : profile.functions)
    functions.push_back(rank_of(function.name));
  std::vector<Rank> ranks;
  ranks.reserve(profile.stacks.size());
  for (const StackNode& node : profile.stacks) {
    Rank rank = ranks.empty() ? Rank{0} : ranks[node.caller.value];
    if (!ranks.empty()) {
      const Location& location = profile.locations[node.location];
      for (uint32_t i = 0; i < location.line_count; ++i) {
        const Line& line = profile.lines[location.first_line + i];
        rank = std::max(rank, functions[line.function.value]);
      }
    }
    ranks.push_back(rank);
  }
  return ranks;
}

}  // namespace

void fill_in_backend_types(Profile& profile) {
  const auto unknown = [](const Backend& backend) {
    return backend.type.empty() && backend.pid != 0;
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

}  // namespace pgflame::postgres
