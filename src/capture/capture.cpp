#include "src/capture/capture.h"

#include <algorithm>
#include <cmath>

#include <sys/resource.h>
#include <sys/utsname.h>

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include "src/capture/assembler.h"
#include "src/capture/clusters.h"
#include "src/capture/proc.h"
#include "src/capture/processes.h"
#include "src/capture/sampler.h"
#include "src/capture/targets.h"

namespace pgflame::capture {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

int64_t now_on(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

int64_t cpu_time_ns() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& time) {
    return int64_t{time.tv_sec} * 1'000'000'000 + int64_t{time.tv_usec} * 1000;
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

uint64_t peak_rss_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

void describe_host(Recording& recording) {
  utsname host{};
  if (::uname(&host) == 0) {
    recording.host = host.nodename;
    recording.kernel = host.release;
    recording.architecture = host.machine;
  }
  recording.cpus = static_cast<uint32_t>(online_cpus().size());
}

struct Chosen {
  std::unique_ptr<Sampler> sampler;
  std::string reason;
};

Result<Chosen> choose_sampler(const Options& options) {
  const SamplerSettings settings{options.rate_hz, false, options.unwind};
  Chosen chosen;
  if (options.sampler == SamplerChoice::kBcc) {
    return fail(ErrorKind::kUnsupported,
                "the bcc sampler is not part of this build",
                "use --sampler bpf or --sampler perf");
  }
  std::string why_not_bpf = "asked for with --sampler perf";
  if (options.sampler != SamplerChoice::kPerf) {
    auto bpf = make_bpf_sampler(settings);
    if (bpf) {
      chosen.sampler = std::move(*bpf);
      chosen.reason = options.sampler == SamplerChoice::kBpf ? "asked for with --sampler bpf"
                                                             : "the best one, and it works here";
      return chosen;
    }
    if (options.sampler == SamplerChoice::kBpf) return fail(std::move(bpf).error());
    why_not_bpf = bpf.error().what + "; " + bpf.error().hint;
  }
  auto perf = make_perf_sampler(settings);
  if (!perf) return fail(std::move(perf).error());
  chosen.sampler = std::move(*perf);
  chosen.reason = std::move(why_not_bpf);
  return chosen;
}

// One recording from its first process to its last sample.
class Recorder {
 public:
  Recorder(const Options& options, const Callbacks& callbacks, Targets targets, Chosen chosen)
      : options_(options),
        callbacks_(callbacks),
        targets_(std::move(targets)),
        sampler_(std::move(chosen.sampler)),
        start_ns_(now_on(CLOCK_MONOTONIC)),
        cpu_start_ns_(cpu_time_ns()),
        processes_(builder_),
        assembler_(builder_, processes_, static_cast<uint64_t>(start_ns_)) {
    Recording& recording = builder_.profile().recording;
    describe_host(recording);
    recording.start_unix_ns = now_on(CLOCK_REALTIME);
    recording.sampler_reason = std::move(chosen.reason);
    for (const RunningCluster& running : targets_.clusters) {
      builder_.profile().clusters.push_back(running.cluster);
      processes_.add_cluster(running.cluster.postmaster, running.cluster.name);
    }
  }

  Result<Profile> run();

 private:
  Status add_targets();
  void wait_and_read(milliseconds timeout);
  bool is_over() const;
  void report_progress();
  Profile finish();

  const Options& options_;
  const Callbacks& callbacks_;
  Targets targets_;
  std::unique_ptr<Sampler> sampler_;
  int64_t start_ns_;
  int64_t cpu_start_ns_;
  ProfileBuilder builder_;
  Processes processes_;
  Assembler assembler_;
  int64_t last_progress_ns_ = 0;
};

// The sampler follows forks already. A child born while /proc was read is found by the second
// round, or reported by the sampler because its parent was added in the first.
Status Recorder::add_targets() {
  for (int round = 0; round < 2; ++round) {
    for (const RunningCluster& running : find_clusters()) {
      const int32_t postmaster = running.cluster.postmaster;
      const bool whole =
          std::ranges::find(targets_.whole_clusters, postmaster) != targets_.whole_clusters.end();
      std::vector<int32_t> pids;
      for (const int32_t pid : running.members) {
        const bool chosen = std::ranges::find(targets_.backends, pid) != targets_.backends.end();
        if (whole || chosen) pids.push_back(pid);
      }
      if (auto done = sampler_->add(pids); !done) return done;
      for (const int32_t pid : pids)
        processes_.add(pid, postmaster);
    }
  }
  return {};
}

void Recorder::wait_and_read(milliseconds timeout) {
  sampler_->poll(timeout, [this](const Event& event) { assembler_.handle(event); });
}

bool Recorder::is_over() const {
  const int64_t elapsed = now_on(CLOCK_MONOTONIC) - start_ns_;
  if (options_.duration && elapsed >= options_.duration->count()) return true;
  if (callbacks_.stop && callbacks_.stop()) return true;
  return processes_.size() == 0;
}

void Recorder::report_progress() {
  constexpr int64_t kPause = 250'000'000;
  const int64_t now = now_on(CLOCK_MONOTONIC);
  if (!callbacks_.progress || now < last_progress_ns_ + kPause) return;
  last_progress_ns_ = now;
  Progress progress;
  progress.elapsed = nanoseconds(now - start_ns_);
  progress.samples = assembler_.samples();
  progress.backends = processes_.backends_seen();
  progress.lost = sampler_->lost();
  callbacks_.progress(progress);
}

Result<Profile> Recorder::run() {
  if (auto done = add_targets(); !done) return fail(std::move(done).error());
  if (auto done = sampler_->start(); !done) return fail(std::move(done).error());
  milliseconds pause{50};
  while (!is_over()) {
    if (options_.duration) {
      const auto left = *options_.duration - nanoseconds(now_on(CLOCK_MONOTONIC) - start_ns_);
      pause = std::clamp(std::chrono::ceil<milliseconds>(left), milliseconds{1}, pause);
    }
    wait_and_read(pause);
    const bool soon = processes_.refresh_titles(static_cast<uint64_t>(now_on(CLOCK_MONOTONIC)));
    pause = milliseconds{soon ? 10 : 50};
    report_progress();
  }
  return finish();
}

Profile Recorder::finish() {
  sampler_->stop();
  const int64_t end_ns = now_on(CLOCK_MONOTONIC);
  wait_and_read(milliseconds{0});
  processes_.read_all_titles();
  Recording& recording = builder_.profile().recording;
  recording.duration_ns = end_ns - start_ns_;
  sampler_->describe(recording);
  recording.cost.agent_cpu_ns = static_cast<uint64_t>(cpu_time_ns() - cpu_start_ns_);
  recording.cost.peak_rss_bytes = peak_rss_bytes();
  if (options_.duration && recording.duration_ns < options_.duration->count() &&
      processes_.size() == 0) {
    recording.notes.emplace_back("All targets ended before the recording's time was over.");
  }
  return std::move(builder_).take();
}

}  // namespace

Result<Profile> record(const Options& options, const Callbacks& callbacks) {
  if (!std::isfinite(options.rate_hz) || options.rate_hz < 1 || options.rate_hz > 10000) {
    return fail(ErrorKind::kUsage,
                fmt::format("a rate of {} Hz is out of range", options.rate_hz),
                "choose between 1 and 10000");
  }
  auto words = parse_targets(options.targets);
  if (!words) return fail(std::move(words).error());
  auto targets = resolve_targets(*words, find_clusters());
  if (!targets) return fail(std::move(targets).error());
  auto chosen = choose_sampler(options);
  if (!chosen) return fail(std::move(chosen).error());
  return Recorder(options, callbacks, std::move(*targets), std::move(*chosen)).run();
}

}  // namespace pgflame::capture
