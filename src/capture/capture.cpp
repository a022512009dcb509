#include "src/capture/capture.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <unordered_map>
#include <unordered_set>

#include <sys/resource.h>
#include <sys/utsname.h>

#include <fmt/format.h>
#include <unistd.h>

#include "src/capture/assembler.h"
#include "src/capture/budget.h"
#include "src/capture/choose_sampler.h"
#include "src/capture/clusters.h"
#include "src/capture/filter.h"
#include "src/capture/host.h"
#include "src/capture/privileges.h"
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

// One recording from its first process to its last sample.
class Recorder {
 public:
  Recorder(const Options& options,
           const Callbacks& callbacks,
           Targets targets,
           ChosenSampler chosen)
      : options_(options),
        callbacks_(callbacks),
        targets_(std::move(targets)),
        sampler_(std::move(chosen.sampler)),
        cpu_start_ns_(cpu_time_ns()),
        processes_(builder_),
        queries_(options.query_text),
        assembler_(builder_, processes_, queries_, sampler_->measures_waits()),
        host_(read_host_counters()),
        budget_(options.max_cpu,
                static_cast<uint32_t>(online_cpus().size()),
                static_cast<uint64_t>(options.duration.value_or(nanoseconds{0}).count())) {
    Recording& recording = builder_.profile().recording;
    describe_host(recording);
    recording.sampler_reason = std::move(chosen.reason);
    recording.has_waits = sampler_->measures_waits();
    if (!chosen.note.empty()) recording.notes.push_back(std::move(chosen.note));
    for (const RunningCluster& running : targets_.clusters)
      add_cluster(running.cluster);
    if (targets_.backends.empty()) return;
    only_pids_ = targets_.whole_clusters;
    for (const int32_t pid : targets_.backends) {
      only_pids_.push_back(pid);
      only_pids_.push_back(namespace_pid(pid));  // what parallel workers call their leader
    }
  }

  Result<Profile> run();

 private:
  void add_cluster(const Cluster& cluster);
  bool is_target(int32_t pid, int32_t postmaster) const;
  Status add_targets();
  Status add_process(int32_t pid, int32_t postmaster);
  void each_second();
  void keep_to_budget(uint64_t now_ns);
  void follow_restarts();
  void bury(uint64_t now_ns);
  bool postmaster_is_gone() const;
  void finish_queries();
  void book_waits();
  void give_up_privileges();
  void leave_out_unwanted();
  void keep_wanted();
  size_t targets_alive() const;
  void wait_and_read(milliseconds timeout);
  nanoseconds elapsed() const { return nanoseconds(monotonic_now() - start_ns_); }
  bool is_over();
  void report_progress();
  Profile finish();

  const Options& options_;
  const Callbacks& callbacks_;
  Targets targets_;
  std::unique_ptr<Sampler> sampler_;
  uint64_t start_ns_ = 0;
  int64_t cpu_start_ns_;
  ProfileBuilder builder_;
  Processes processes_;
  Queries queries_;
  Assembler assembler_;
  std::unordered_map<int32_t, std::optional<TagLayout>> layouts_;  // by postmaster
  std::vector<int32_t> only_pids_;  // see filter.h; empty: whole clusters
  HostCounters host_;
  uint64_t host_read_ns_ = 0;
  Budget budget_;
  bool over_budget_ = false;
  uint64_t last_seen_ns_ = 0;  // when there last was a target
  uint64_t buried_ns_ = 0;     // when bury() last looked
  std::unordered_set<int32_t> dead_;
  uint64_t last_progress_ns_ = 0;
};

void Recorder::add_cluster(const Cluster& cluster) {
  builder_.profile().clusters.push_back(cluster);
  layouts_[cluster.postmaster] = find_tag_layout(cluster.postmaster);
  processes_.add_cluster(cluster, layouts_[cluster.postmaster]);
}

bool Recorder::is_target(int32_t pid, int32_t postmaster) const {
  const auto contains = [](const std::vector<int32_t>& pids, int32_t wanted) {
    return std::ranges::find(pids, wanted) != pids.end();
  };
  if (contains(targets_.whole_clusters, postmaster) || contains(targets_.backends, pid))
    return true;
  // The postmaster of single backends is only followed for the parallel workers that it forks.
  return pid == postmaster && layouts_.contains(postmaster);
}

// The sampler follows forks already. A child born while /proc was read is found by the second
// round, or reported by the sampler because its parent was added in the first.
Status Recorder::add_targets() {
  for (int round = 0; round < 2; ++round) {
    for (const RunningCluster& running : find_clusters()) {
      for (const int32_t pid : running.members) {
        const int32_t postmaster = running.cluster.postmaster;
        if (!is_target(pid, postmaster)) continue;
        if (auto done = add_process(pid, postmaster); !done) return done;
      }
    }
  }
  return {};
}

Status Recorder::add_process(int32_t pid, int32_t postmaster) {
  // In this order, so that a process's lifetime begins when its times do.
  processes_.add(pid, postmaster);
  if (!processes_.contains(pid)) return {};  // gone already
  const auto& layout = layouts_[postmaster];
  if (auto done = sampler_->add({pid}, layout); !done) return done;
  // Its end was not seen if it came before that. The kernel reports it some time before the process
  // is a zombie.
  const auto stat = read_stat(pid);
  if (!stat || stat->ending) {
    processes_.exit(pid);
    return {};
  }
  // What sleeps from before the start to the end never says so itself.
  if (layout) assembler_.sleeps(pid, statement_of(pid, *layout));
  return {};
}

void Recorder::wait_and_read(milliseconds timeout) {
  sampler_->poll(timeout, [this](const Event& event) { assembler_.handle(event); });
}

bool Recorder::is_over() {
  // A server that is restarted is gone for a moment.
  constexpr uint64_t kRestart = 5'000'000'000;
  if (options_.duration && elapsed() >= *options_.duration) return true;
  if (callbacks_.stop && callbacks_.stop()) return true;
  if (over_budget_) return true;
  const uint64_t now = monotonic_now();
  if (targets_alive() > 0) last_seen_ns_ = now;
  return now > last_seen_ns_ + (targets_.whole_clusters.empty() ? 0 : kRestart);
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

Result<Profile> Recorder::run() {
  if (auto done = add_targets(); !done) return fail(std::move(done).error());
  if (auto done = sampler_->start(); !done) return fail(std::move(done).error());
  // Getting here may have taken a second (tables for the unwinder); it is not recorded time.
  start_ns_ = monotonic_now();
  host_read_ns_ = start_ns_;
  builder_.profile().recording.start_unix_ns = now_on(CLOCK_REALTIME);
  assembler_.begin(sampler_->wait_times(), start_ns_);
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
    leave_out_unwanted();
    each_second();
    report_progress();
  }
  return finish();
}

size_t Recorder::targets_alive() const {
  if (!targets_.whole_clusters.empty()) return processes_.size();
  return static_cast<size_t>(std::ranges::count_if(
      targets_.backends, [this](int32_t pid) { return processes_.contains(pid); }));
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

void Recorder::leave_out_unwanted() {
  const std::vector<int32_t> titled = processes_.take_titled();
  if (!options_.filter.active() && only_pids_.empty()) return;
  std::vector<int32_t> unwanted;
  for (const int32_t pid : titled) {
    const Backend* backend = processes_.find(pid);
    if (backend != nullptr && !may_be_wanted(options_.filter, only_pids_, *backend)) {
      unwanted.push_back(pid);
    }
  }
  sampler_->ignore(unwanted);
}

// What the filter leaves, and how much of its time is accounted for.
void Recorder::keep_wanted() {
  Profile& profile = builder_.profile();
  const Filter& filter = options_.filter;
  drop_unwanted(filter, only_pids_, profile);
  if (filter.query_id) return;  // backends run other queries too, which nobody added up
  assembler_.sum_lifetimes(
      [&](BackendId backend) { return is_wanted(filter, only_pids_, profile.backends[backend]); });
  Recording& recording = profile.recording;
  if (recording.lifetime_ns == 0) return;
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
  const WaitTimes times = sampler_->wait_times();
  sampler_->forget(assembler_.book(times, monotonic_now()));
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
  bury(now);
  if (postmaster_is_gone()) follow_restarts();
}

// Processes that ended while they were added, or whose end found no room in the ring, would keep
// the recording going for ever. An end that is only late is waited for: who was dead the last time
// too.
void Recorder::bury(uint64_t now_ns) {
  constexpr uint64_t kPause = 3'000'000'000;
  if (now_ns < buried_ns_ + kPause) return;
  buried_ns_ = now_ns;
  std::unordered_set<int32_t> dead;
  for (const int32_t pid : processes_.pids()) {
    const auto stat = read_stat(pid);
    if (stat && stat->state != 'Z') continue;
    if (!dead_.contains(pid)) {
      dead.insert(pid);
      continue;
    }
    Event end;
    end.kind = EventKind::kExit;
    end.pid = pid;
    end.time_ns = now_ns;
    assembler_.handle(end);
  }
  dead_ = std::move(dead);
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

bool Recorder::postmaster_is_gone() const {
  return std::ranges::any_of(targets_.whole_clusters, [this](int32_t postmaster) {
    return !processes_.contains(postmaster);
  });
}

// A new postmaster on the data directory of one that is gone takes its place.
void Recorder::follow_restarts() {
  for (const RunningCluster& running : find_clusters()) {
    const Cluster& cluster = running.cluster;
    if (layouts_.contains(cluster.postmaster)) continue;
    const auto& known = builder_.profile().clusters;
    const bool same = std::ranges::any_of(known, [&](const Cluster& other) {
      return other.data_directory == cluster.data_directory &&
             !processes_.contains(other.postmaster);
    });
    if (!same && !targets_.every_cluster) continue;
    if (!options_.cgroup.empty() && !in_cgroup(cgroup_of(cluster.postmaster), options_.cgroup))
      continue;
    std::erase_if(targets_.whole_clusters,
                  [this](int32_t postmaster) { return !processes_.contains(postmaster); });
    targets_.whole_clusters.push_back(cluster.postmaster);
    add_cluster(cluster);
    for (const int32_t pid : running.members) {
      if (auto done = add_process(pid, cluster.postmaster); !done) {
        builder_.profile().recording.notes.push_back(
            "A restarted server could not be followed: " + done.error().what + ".");
      }
    }
  }
}

void Recorder::finish_queries() {
  Profile& profile = builder_.profile();
  auto [queries, real_ids] = queries_.finish();
  for (Sample& sample : profile.samples) {
    const auto real = real_ids.find(sample.query_id);
    if (real != real_ids.end()) sample.query_id = real->second;
  }
  if (std::ranges::any_of(queries, &Query::id_is_text_hash)) {
    profile.recording.notes.emplace_back(
        "Some statements had no query id (compute_query_id is off, or they were still being "
        "parsed); the hash of their text without literals stands in for it.");
  }
  profile.queries = std::move(queries);
}

Profile Recorder::finish() {
  sampler_->stop();
  const WaitTimes times = sampler_->wait_times();
  const uint64_t end_ns = monotonic_now();
  wait_and_read(milliseconds{0});
  assembler_.book(times, end_ns);
  assembler_.close(times, end_ns);
  processes_.read_all_titles();
  processes_.fill_in_names();
  Recording& recording = builder_.profile().recording;
  recording.duration_ns = static_cast<int64_t>(end_ns - start_ns_);
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
    recording.notes.emplace_back("Query texts are stored with their literals (raw).");
  }
  recording.cost.agent_cpu_ns = static_cast<uint64_t>(cpu_time_ns() - cpu_start_ns_);
  recording.cost.peak_rss_bytes = peak_rss_bytes();
  if (options_.duration && recording.duration_ns < options_.duration->count() &&
      targets_alive() == 0) {
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
  auto clusters = find_clusters();
  // Other users' executables are hidden from us then, so that nothing looks like a PostgreSQL.
  if (clusters.empty() && !missing_privileges().empty()) {
    return fail(permission_error("other users' processes cannot be looked into"));
  }
  auto chosen_clusters = keep_cgroup(std::move(clusters), options.cgroup);
  if (!chosen_clusters) return fail(std::move(chosen_clusters).error());
  auto targets = resolve_targets(*words, std::move(*chosen_clusters));
  if (!targets) return fail(std::move(targets).error());
  const bool single_backends = !targets->backends.empty();
  auto chosen = choose_sampler(options, single_backends);
  if (!chosen) return fail(std::move(chosen).error());
  const bool another_left = options.sampler == SamplerChoice::kAuto && chosen->is_bpf;
  auto recorded = Recorder(options, callbacks, *targets, std::move(*chosen)).run();
  // It only fails before the first sample.
  if (recorded || !another_left) return recorded;
  chosen = instead_of_bpf(options, single_backends, recorded.error());
  if (!chosen) return fail(std::move(chosen).error());
  return Recorder(options, callbacks, std::move(*targets), std::move(*chosen)).run();
}

}  // namespace pgflame::capture
