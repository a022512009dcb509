#include "src/capture/capture.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <unordered_set>

#include <sys/resource.h>
#include <sys/utsname.h>

#include <fmt/format.h>
#include <unistd.h>

#include "src/capture/assembler.h"
#include "src/capture/budget.h"
#include "src/capture/choose_sampler.h"
#include "src/capture/clusters.h"
#include "src/capture/cpu_time.h"
#include "src/capture/filter.h"
#include "src/capture/host.h"
#include "src/capture/privileges.h"
#include "src/capture/proc.h"
#include "src/capture/processes.h"
#include "src/capture/sampler.h"
#include "src/capture/target_set.h"
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

// One recording from its first process to its last sample.
class Recorder {
 public:
  Recorder(const Options& options,
           const Callbacks& callbacks,
           Targets targets,
           ChosenSampler chosen)
      : options_(options),
        callbacks_(callbacks),
        sampler_(std::move(chosen.sampler)),
        cpu_start_ns_(cpu_time_ns()),
        processes_(builder_),
        queries_(options.query_text),
        assembler_(builder_, processes_, queries_, sampler_->measures_waits()),
        targets_(options, std::move(targets), {builder_, processes_, assembler_, *sampler_}),
        host_(read_host_counters()),
        budget_(options.max_cpu,
                static_cast<uint32_t>(online_cpus().size()),
                static_cast<uint64_t>(options.duration.value_or(nanoseconds{0}).count())) {
    Recording& recording = builder_.profile().recording;
    describe_host(recording);
    recording.sampler_reason = std::move(chosen.reason);
    recording.has_waits = sampler_->measures_waits();
    for (std::string& note : chosen.notes)
      recording.notes.push_back(std::move(note));
  }

  Result<Recorded> run();

 private:
  void each_second();
  void keep_to_budget(uint64_t now_ns);
  void finish_queries();
  void book_waits();
  void give_up_privileges();
  void keep_wanted();
  void wait_and_read(milliseconds timeout);
  nanoseconds elapsed() const { return nanoseconds(monotonic_now() - start_ns_); }
  bool is_over();
  void report_progress();
  Recorded finish();

  const Options& options_;
  const Callbacks& callbacks_;
  std::unique_ptr<Sampler> sampler_;
  uint64_t start_ns_ = 0;
  int64_t cpu_start_ns_;
  ProfileBuilder builder_;
  Processes processes_;
  Queries queries_;
  Assembler assembler_;
  TargetSet targets_;
  HostCounters host_;
  uint64_t host_read_ns_ = 0;
  Budget budget_;
  bool over_budget_ = false;
  uint64_t last_progress_ns_ = 0;
};

void Recorder::wait_and_read(milliseconds timeout) {
  sampler_->poll(timeout, [this](const Event& event) { assembler_.handle(event); });
}

bool Recorder::is_over() {
  if (options_.duration && elapsed() >= *options_.duration) return true;
  if (callbacks_.stop && callbacks_.stop()) return true;
  if (over_budget_) return true;
  return targets_.all_gone(monotonic_now());
}

void Recorder::report_progress() {
  constexpr uint64_t kPause = 250'000'000;
  const uint64_t now = monotonic_now();
  if (!callbacks_.progress || now < last_progress_ns_ + kPause) return;
  last_progress_ns_ = now;
  Progress progress;
  progress.elapsed = elapsed();
  progress.samples = assembler_.samples();
  progress.backends = processes_.backends_seen();
  progress.lost = sampler_->lost();
  callbacks_.progress(progress);
}

Result<Recorded> Recorder::run() {
  if (auto done = targets_.add_all(); !done) return fail(std::move(done).error());
  if (auto done = sampler_->start(); !done) return fail(std::move(done).error());
  // Getting here may have taken a second (tables for the unwinder); it is not recorded time.
  const WaitTimes before = sampler_->wait_times();
  start_ns_ = before.at_ns;
  host_read_ns_ = start_ns_;
  builder_.profile().recording.start_unix_ns = now_on(CLOCK_REALTIME);
  assembler_.begin(before);
  give_up_privileges();
  milliseconds pause = sampler_->longest_pause();
  while (!is_over()) {
    if (options_.duration) {
      const auto left = *options_.duration - elapsed();
      pause = std::clamp(std::chrono::ceil<milliseconds>(left), milliseconds{1}, pause);
    }
    wait_and_read(pause);
    const bool soon = processes_.refresh_titles(monotonic_now());
    pause = soon ? milliseconds{10} : sampler_->longest_pause();
    targets_.leave_out_unwanted();
    each_second();
    report_progress();
  }
  return finish();
}

void Recorder::give_up_privileges() {
  std::vector<int> keep = options_.keep_capabilities;
  for (const int capability : sampler_->later_privileges())
    keep.push_back(capability);
  if (auto done = drop_privileges(keep); !done) {
    builder_.profile().recording.notes.push_back("Privileges were kept: " + done.error().what +
                                                 ".");
  }
}

// What the filter leaves, and how much of its time is accounted for.
void Recorder::keep_wanted() {
  Profile& profile = builder_.profile();
  const Filter& filter = options_.filter;
  // Of backends of which only a part is wanted nobody added up the time.
  if (!drop_unwanted(filter, targets_.only_pids(), profile)) return forget_lifetimes(profile);
  Recording& recording = profile.recording;
  for (Backend& backend : profile.backends) {
    if (!is_wanted(filter, targets_.only_pids(), backend))
      backend.lifetime_ns = backend.on_cpu_ns = 0;
    recording.lifetime_ns += backend.lifetime_ns;
    recording.on_cpu_ns += backend.on_cpu_ns;
  }
  if (recording.lifetime_ns == 0) return;
  divide_cpu_time(profile, assembler_.with_threads());
  uint64_t sum = recording.on_cpu_ns;
  for (const Sample& sample : profile.samples)
    sum += sample.state == State::kRunning ? 0 : sample.weight;
  recording.notes.push_back(fmt::format(
      "Running, runnable, waiting and idle time add up to {:.2f} % of the {:.1f} s that the "
      "backends existed.",
      static_cast<double>(sum) / static_cast<double>(recording.lifetime_ns) * 100,
      static_cast<double>(recording.lifetime_ns) * 1e-9));
}

void Recorder::book_waits() {
  if (!sampler_->measures_waits()) return;
  sampler_->forget(assembler_.book(sampler_->wait_times()));
}

void Recorder::each_second() {
  constexpr uint64_t kSecond = 1'000'000'000;
  constexpr uint64_t kMaxHostSeconds = 3600;  // of a longer recording the first hour is kept
  const uint64_t now = monotonic_now();
  if (now < host_read_ns_ + kSecond) return;
  const HostCounters counters = read_host_counters();
  const double seconds = static_cast<double>(now - host_read_ns_) * 1e-9;
  auto& rows = builder_.profile().recording.host_seconds;
  if (rows.size() < kMaxHostSeconds) {
    const auto second = static_cast<uint32_t>((host_read_ns_ - start_ns_) / kSecond);
    rows.push_back(host_second(host_, counters, seconds, second));
  }
  host_ = counters;
  // Full seconds, whenever exactly this is called.
  host_read_ns_ += (now - host_read_ns_) / kSecond * kSecond;
  book_waits();
  keep_to_budget(now);
  targets_.look_again(now);
}

void Recorder::keep_to_budget(uint64_t now_ns) {
  const auto own = static_cast<uint64_t>(cpu_time_ns());
  const uint64_t spent = own - std::min(own, sampler_->preparation_ns()) + sampler_->programs_ns();
  switch (budget_.check(spent, now_ns)) {
    case Budget::Advice::kGoOn:
      break;
    case Budget::Advice::kLowerRate:
      if (!sampler_->lower_rate()) budget_.exhausted();
      break;
    case Budget::Advice::kStop:
      builder_.profile().recording.notes.emplace_back(
          "The recording ended early: its cost exceeded the limit (--max-cpu). Without waiting "
          "times "
          "(--mode cpu) it costs less.");
      over_budget_ = true;
      break;
  }
}

void Recorder::finish_queries() {
  Profile& profile = builder_.profile();
  auto [queries, real_ids] = queries_.finish();
  for (Sample& sample : profile.samples) {
    const auto real = real_ids.find(sample.query_id);
    if (real != real_ids.end()) sample.query_id = real->second;
  }
  std::unordered_set<uint64_t> hashes;
  for (const Query& query : queries) {
    if (query.id_is_text_hash) hashes.insert(query.id);
  }
  const auto has_none = [&hashes](const Sample& sample) {
    return hashes.contains(sample.query_id);
  };
  if (std::ranges::any_of(profile.samples, has_none)) {
    profile.recording.notes.emplace_back(
        "Some statements had no query id (compute_query_id is off, or they were still being "
        "parsed); the hash of their text without literals stands in for it.");
    if (profile.recording.has_waits) {
      profile.recording.notes.emplace_back(
          "How much of a backend's waiting belongs to which statement without query id is an "
          "estimate, from a random choice of its waits.");
    }
  }
  profile.queries = std::move(queries);
}

Recorded Recorder::finish() {
  sampler_->stop();
  const WaitTimes times = sampler_->wait_times();
  wait_and_read(milliseconds{0});
  assembler_.book(times);
  processes_.read_all_titles();
  assembler_.close(times);
  processes_.fill_in_names();
  assembler_.settle_applications();
  Recording& recording = builder_.profile().recording;
  recording.duration_ns = static_cast<int64_t>(times.at_ns - start_ns_);
  sampler_->describe(recording);
  const double asked_for = std::round(options_.rate_hz);
  if (recording.event.rate_hz < asked_for) {
    recording.notes.push_back(
        fmt::format("The sampling rate was lowered from {} to {} Hz to keep the cost of recording "
                    "below the limit (--max-cpu).",
                    asked_for,
                    recording.event.rate_hz));
  }
  finish_queries();
  keep_wanted();
  if (options_.query_text == QueryText::kRaw) {
    recording.notes.emplace_back(
        "Warning: query texts are stored with their literals (--query-text raw), in the report and "
        "in "
        "the capture. They may hold passwords and anybody's data.");
  }
  recording.cost.agent_cpu_ns = static_cast<uint64_t>(cpu_time_ns() - cpu_start_ns_);
  recording.cost.peak_rss_bytes = peak_rss_bytes();
  if (options_.duration && recording.duration_ns < options_.duration->count() &&
      targets_.alive() == 0) {
    recording.notes.emplace_back("All targets ended before the recording's time was over.");
  }
  ModuleFiles files = processes_.take_files();
  return {std::move(builder_).take(), std::move(files)};
}

}  // namespace

Result<Recorded> record(const Options& options, const Callbacks& callbacks) {
  if (!std::isfinite(options.rate_hz) || options.rate_hz < 1 || options.rate_hz > 10000) {
    return fail(ErrorKind::kUsage,
                fmt::format("a rate of {} Hz is out of range", options.rate_hz),
                "choose between 1 and 10000");
  }
  auto words = parse_targets(options.targets);
  if (!words) return fail(std::move(words).error());
  auto clusters = find_clusters();
  // Other users' executables are hidden from us then, so that nothing looks like a PostgreSQL.
  if (clusters.empty() && !missing_privileges().empty()) {
    return fail(permission_error("other users' processes cannot be looked into"));
  }
  auto chosen_clusters = keep_cgroup(std::move(clusters), options.cgroup);
  if (!chosen_clusters) return fail(std::move(chosen_clusters).error());
  auto targets = resolve_targets(*words, std::move(*chosen_clusters));
  if (!targets) return fail(std::move(targets).error());
  auto chosen = choose_sampler(options, *targets);
  while (chosen) {
    std::vector<Error> obstacles = std::move(chosen->obstacles);
    const bool another_left =
        options.sampler == SamplerChoice::kAuto && chosen->kind != SamplerChoice::kPerf;
    auto recorded = Recorder(options, callbacks, *targets, std::move(*chosen)).run();
    // It only fails before the first sample.
    if (recorded || !another_left) return recorded;
    obstacles.push_back(std::move(recorded).error());
    chosen = choose_sampler(options, *targets, std::move(obstacles));
  }
  return fail(std::move(chosen).error());
}

}  // namespace pgflame::capture
