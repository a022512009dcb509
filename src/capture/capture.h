// Recording on this host: finds the targets, samples them, returns a profile with bare addresses.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/profile/profile.h"

namespace pgflame::capture {

enum class SamplerChoice { kAuto, kBpf, kBcc, kPerf };
enum class Mode { kCpu, kWall };
// How user stacks are walked: by tables compiled from unwind information, or by frame pointers
// (which lose callers even in programs that keep them). kAuto: by table where the kernel can.
enum class UnwindChoice { kAuto, kTable, kFramePointers };

// What is stored of the texts of queries. kRaw keeps literals, which may be anybody's data.
enum class QueryText { kNone, kNormalized, kRaw };

// What the user typed after -p: "postgres", pids, data directories, in any mix.
struct Options {
  std::vector<std::string> targets;
  std::optional<std::chrono::nanoseconds> duration;  // none: until stopped
  double rate_hz = 99;
  SamplerChoice sampler = SamplerChoice::kAuto;
  UnwindChoice unwind = UnwindChoice::kAuto;
  uint32_t verify_unwind = 0;  // so many stacks are walked again with libdwfl and compared
  std::optional<Mode> mode;    // default: wall where the sampler can
  QueryText query_text = QueryText::kNormalized;
  // Share of all CPUs that recording may take, 0 for no limit: above it the rate is lowered, and
  // when that does not help the recording ends early, with what it has.
  double max_cpu = 0;
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

// Records until the duration is over, stop() says so, or all targets are gone. What was captured
// is always returned; a failure after the first sample becomes a note in the profile.
Result<Profile> record(const Options& options, const Callbacks& callbacks);

}  // namespace pgflame::capture
