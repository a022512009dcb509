#include "src/diagnose/time_split.h"

#include <algorithm>
#include <array>
#include <map>

#include "src/diagnose/figures.h"
#include "src/diagnose/statistics.h"
#include "src/postgres/function_names.h"
#include "src/postgres/wait_events.h"

namespace pgflame::diagnose {
namespace {

struct StackSign {
  std::string_view function;
  std::string_view kind;
};
// Functions that block for one reason only, for off-CPU stacks without a usable tag. Sources:
// storage/lmgr/{proc,lwlock,s_lock}.c, storage/smgr/md.c, storage/file/fd.c, access/transam/xlog.c,
// libpq/be-secure.c, executor/nodeGather.c, storage/ipc/shm_mq.c.
constexpr std::array kStackSigns{
    StackSign{"LWLockAcquire", "LWLock"},
    StackSign{"LWLockAcquireOrWait", "LWLock"},
    StackSign{"LWLockWaitForVar", "LWLock"},
    StackSign{"ProcSleep", "Lock"},
    StackSign{"perform_spin_delay", "Spin"},
    StackSign{"LockBufferForCleanup", "BufferPin"},
    StackSign{"mdread", "IO"},
    StackSign{"mdreadv", "IO"},
    StackSign{"mdwrite", "IO"},
    StackSign{"mdextend", "IO"},
    StackSign{"FileRead", "IO"},
    StackSign{"FileReadV", "IO"},
    StackSign{"FileWrite", "IO"},
    StackSign{"FileSync", "IO"},
    StackSign{"XLogFlush", "IO"},
    StackSign{"issue_xlog_fsync", "IO"},
    StackSign{"pg_fsync", "IO"},
    StackSign{"pgaio_io_wait", "IO"},
    StackSign{"BufFileRead", "IO"},
    StackSign{"filemap_fault", "IO"},
    StackSign{"secure_read", "ClientRead"},
    StackSign{"secure_write", "Client"},
    StackSign{"shm_mq_send", "IPC"},
    StackSign{"shm_mq_receive", "IPC"},
    StackSign{"ExecGather", "IPC"},
    StackSign{"BarrierArriveAndWait", "IPC"},
    StackSign{"pg_sleep", "Timeout"},
    StackSign{"vacuum_delay_point", "Timeout"},
};

std::string_view kind_from_stack(const Profile& profile, StackId stack) {
  while (stack.valid() && stack != kEmptyStack) {
    const StackNode& node = profile.stacks[stack];
    const Location& location = profile.locations[node.location];
    for (uint32_t i = 0; i < location.line_count; ++i) {
      const Function& function = profile.functions[profile.lines[location.first_line + i].function];
      const std::string_view name = postgres::base_name(function.name);
      const auto sign = std::ranges::find(kStackSigns, name, &StackSign::function);
      if (sign != kStackSigns.end()) return sign->kind;
    }
    stack = node.caller;
  }
  return "Unknown";
}

int major_of(const Profile& profile, const Sample& sample) {
  if (profile.clusters.empty()) return 0;
  const int32_t postmaster =
      profile.backends.contains(sample.backend) ? profile.backends[sample.backend].postmaster : 0;
  for (const Cluster& cluster : profile.clusters) {
    if (cluster.postmaster == postmaster) return cluster.major;
  }
  return profile.clusters.size() == 1 ? profile.clusters[0].major : 0;
}

class Splitter {
 public:
  Splitter(const Analysis& analysis, bool foreground_only)
      : analysis_(analysis), foreground_only_(foreground_only) {}

  TimeSplit split() {
    const Profile& profile = analysis_.profile();
    for (size_t i = 0; i < analysis_.series().size(); ++i) {
      const Sample& sample = analysis_.series()[i].sum;
      if (!analysis_.selected(i)) continue;
      if (foreground_only_ && !is_foreground(profile, sample)) continue;
      add(profile, sample);
    }
    for (auto& [key, wait] : waits_)
      result_.waits.push_back(std::move(wait));
    std::ranges::stable_sort(result_.waits, std::greater{}, &WaitUse::nanoseconds);
    return std::move(result_);
  }

 private:
  void add(const Profile& profile, const Sample& sample) {
    result_.samples += sample.count;
    switch (sample.state) {
      case State::kRunning:
        result_.running += cpu_nanoseconds(profile.recording, sample.weight, sample.count);
        break;
      case State::kRunnable:
        result_.runnable += sample.weight;
        result_.runnable_intervals += sample.count;
        break;
      case State::kIdle:
        result_.idle += sample.weight;
        break;
      case State::kWaiting:
        add_wait(wait_of(profile, sample));
        break;
    }
  }

  void add_wait(WaitUse wait) {
    if (is_idle(wait)) {
      result_.idle += wait.nanoseconds;
      return;
    }
    const auto [at, is_new] = waits_.try_emplace({wait.kind, wait.name}, wait);
    if (is_new) return;
    at->second.nanoseconds += wait.nanoseconds;
    at->second.intervals += wait.intervals;
  }

  const Analysis& analysis_;
  bool foreground_only_;
  TimeSplit result_;
  std::map<std::pair<std::string, std::string>, WaitUse> waits_;
};

}  // namespace

bool is_foreground(const Profile& profile, const Sample& sample) {
  if (!profile.backends.contains(sample.backend)) return true;
  const std::string& type = profile.backends[sample.backend].type;
  return type.empty() || type == "client backend" || type == "parallel worker";
}

uint64_t TimeSplit::waiting() const {
  uint64_t sum = 0;
  for (const WaitUse& wait : waits)
    sum += wait.nanoseconds;
  return sum;
}

uint64_t TimeSplit::waiting(std::string_view kind) const {
  uint64_t sum = 0;
  for (const WaitUse& wait : waits) {
    if (wait.kind == kind) sum += wait.nanoseconds;
  }
  return sum;
}

Share share_of_active(const TimeSplit& split, uint64_t nanoseconds) {
  const double share = std::min(1.0, ratio(nanoseconds, split.active()));
  const auto samples = static_cast<double>(std::max<uint64_t>(1, wall_samples(split.active())));
  return wilson(share * samples, samples);
}

// The sampler marks a backend that is idle; what it calls waiting for the client belongs to a
// command (COPY). A stack alone cannot tell the two apart.
bool is_idle(const WaitUse& wait) {
  return wait.kind == "Activity" || wait.kind == "ClientRead";
}

uint64_t cpu_nanoseconds(const Recording& recording, uint64_t weight, uint64_t samples) {
  if (!recording.event.is_cpu_time) return 0;
  if (recording.event.unit == WeightUnit::kNanoseconds) return weight;
  if (recording.event.rate_hz <= 0) return 0;
  return static_cast<uint64_t>(static_cast<double>(samples) * 1e9 / recording.event.rate_hz);
}

WaitUse wait_of(const Profile& profile, const Sample& sample) {
  WaitUse wait;
  wait.nanoseconds = sample.weight;
  wait.intervals = sample.count;
  if (sample.wait_event != kUnknownWait && sample.wait_event != 0) {
    const int major = major_of(profile, sample);
    wait.kind = postgres::wait_event_class(major, sample.wait_event);
    wait.name = postgres::wait_event_name(major, sample.wait_event);
  }
  if (wait.kind.empty()) {
    wait.kind = kind_from_stack(profile, sample.stack);
    wait.from_stack = true;
  }
  return wait;
}

TimeSplit split_time(const Analysis& analysis) {
  TimeSplit foreground = Splitter(analysis, true).split();
  if (foreground.active() > 0) return foreground;
  return Splitter(analysis, false).split();
}

std::vector<TimeSegment> segments(const TimeSplit& split) {
  std::map<std::string, uint64_t> kinds;
  for (const WaitUse& wait : split.waits)
    kinds[wait.kind == "Unknown" ? "unexplained" : wait.kind] += wait.nanoseconds;
  const uint64_t total = split.active() + split.idle;
  std::vector<TimeSegment> result;
  const auto append = [&](const std::string& id, uint64_t ns) {
    if (ns > 0) result.push_back({id, ns, static_cast<double>(ns) / static_cast<double>(total)});
  };
  append("running", split.running);
  append("runnable", split.runnable);
  for (const char* first : {"LWLock", "Lock", "IO"}) {
    append(first, kinds[first]);
    kinds.erase(first);
  }
  const uint64_t unexplained = kinds["unexplained"];
  kinds.erase("unexplained");
  for (const auto& [kind, ns] : kinds)
    append(kind, ns);
  append("idle", split.idle);
  append("unexplained", unexplained);
  return result;
}

}  // namespace pgflame::diagnose
