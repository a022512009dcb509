// Recording on this host: finds the targets, samples them, returns a profile with bare addresses.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/profile/module_files.h"
#include "src/profile/profile.h"

namespace pgflame::capture {

enum class SamplerChoice { kAuto, kBpf, kBcc, kPerf };
enum class Mode { kCpu, kWall };
// How user stacks are walked: by tables compiled from unwind information, or by frame pointers
// (which lose callers even in programs that keep them). kAuto: by table where the kernel can.
enum class UnwindChoice { kAuto, kTable, kFramePointers };

// What is stored of the texts of queries. kRaw keeps literals, which may be anybody's data.
enum class QueryText { kNone, kNormalized, kRaw };

// The part of the load that is recorded. Empty texts ask for everything.
struct Filter {
  std::optional<uint64_t> query_id;
  std::string backend_type;  // as in pg_stat_activity
  std::string database;
  std::string user;
  std::string application;

  bool active() const {
    return query_id.has_value() || !backend_type.empty() || !database.empty() || !user.empty() ||
           !application.empty();
  }
};

// What the user typed after -p: "postgres", pids, data directories, in any mix.
struct Options {
  std::vector<std::string> targets;
  Filter filter;
  std::string cgroup;  // only clusters in this control group (targets.h); empty: any
  std::optional<std::chrono::nanoseconds> duration;  // none: until stopped
  double rate_hz = 99;
  SamplerChoice sampler = SamplerChoice::kAuto;
  UnwindChoice unwind = UnwindChoice::kAuto;
  uint32_t verify_unwind = 0;  // so many stacks are walked again with libdwfl and compared
  std::optional<Mode> mode;    // default: wall where the sampler can
  QueryText query_text = QueryText::kNormalized;
  // Share of all CPUs that recording may take, 0 for no limit: see budget.h.
  double max_cpu = 0;
  std::string cache_dir;  // of what is compiled once for each build; empty: none
  // Capabilities that are still needed once the recording runs; the others are given up.
  std::vector<int> keep_capabilities;
};

struct Progress {
  std::chrono::nanoseconds elapsed{};
  uint64_t samples = 0;
  uint64_t backends = 0;
  uint64_t lost = 0;
};

struct Callbacks {
  std::function<bool()> stop;                     // polled at least ten times a second
  std::function<void(const Progress&)> progress;  // called a few times a second
};

struct Recorded {
  Profile profile;
  ModuleFiles files;  // of its modules, for naming here and now
};

// Records until the duration is over, stop() says so, or all targets are gone. What was captured
// is always returned; a failure after the first sample becomes a note in the profile.
Result<Recorded> record(const Options& options, const Callbacks& callbacks);

}  // namespace pgflame::capture
