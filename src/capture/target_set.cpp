#include "src/capture/target_set.h"

#include <algorithm>
#include <utility>

#include "src/capture/clusters.h"
#include "src/capture/filter.h"
#include "src/capture/proc.h"
#include "src/capture/tag_layout.h"

namespace pgflame::capture {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

bool contains(const std::vector<int32_t>& pids, int32_t wanted) {
  return std::ranges::find(pids, wanted) != pids.end();
}

}  // namespace

TargetSet::TargetSet(const Options& options, Targets targets, Parts parts)
    : options_(options), targets_(std::move(targets)), parts_(parts) {
  for (const RunningCluster& running : targets_.clusters)
    add_cluster(running.cluster);
  if (targets_.backends.empty()) return;
  only_pids_ = targets_.whole_clusters;
  only_pids_.insert(only_pids_.end(), targets_.backends.begin(), targets_.backends.end());
}

void TargetSet::add_cluster(const Cluster& cluster) {
  parts_.builder.profile().clusters.push_back(cluster);
  layouts_[cluster.postmaster] = find_tag_layout(cluster.postmaster);
  parts_.processes.add_cluster(cluster, layouts_[cluster.postmaster]);
}

bool TargetSet::is_target(int32_t pid, int32_t postmaster) const {
  if (contains(targets_.whole_clusters, postmaster) || contains(targets_.backends, pid))
    return true;
  // The postmaster of single backends is only followed for the parallel workers that it forks.
  return pid == postmaster && layouts_.contains(postmaster);
}

// The sampler follows forks already. A child born while /proc was read is found by the second
// round, or reported by the sampler because its parent was added in the first.
Status TargetSet::add_all() {
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

Status TargetSet::add_process(int32_t pid, int32_t postmaster) {
  // In this order, so that a process's lifetime begins when its times do.
  parts_.processes.add(pid, postmaster);
  if (!parts_.processes.contains(pid)) return {};  // gone already
  const auto& layout = layouts_[postmaster];
  if (auto done = parts_.sampler.add({pid}, layout); !done) return done;
  // Its end was not seen if it came before that. The kernel reports it some time before the process
  // is a zombie.
  const auto stat = read_stat(pid);
  if (!stat || stat->ending) {
    parts_.processes.exit(pid);
    return {};
  }
  if (!layout) return {};
  parts_.assembler.found_named(application_of(pid, *layout));
  // What sleeps from before the start to the end never says so itself.
  const uint64_t now_ns = monotonic_now();
  parts_.assembler.found_in(statement_of(pid, *layout), pid, now_ns);
  return {};
}

void TargetSet::leave_out_unwanted() {
  const std::vector<int32_t> titled = parts_.processes.take_titled();
  if (!options_.filter.active() && only_pids_.empty()) return;
  std::vector<int32_t> unwanted;
  for (const int32_t pid : titled) {
    const Backend* backend = parts_.processes.find(pid);
    if (backend != nullptr && !may_be_wanted(options_.filter, only_pids_, *backend)) {
      unwanted.push_back(pid);
    }
  }
  parts_.sampler.ignore(unwanted);
}

size_t TargetSet::alive() const {
  if (!targets_.whole_clusters.empty()) return parts_.processes.size();
  return static_cast<size_t>(std::ranges::count_if(
      targets_.backends, [this](int32_t pid) { return parts_.processes.contains(pid); }));
}

bool TargetSet::all_gone(uint64_t now_ns) {
  // A server that is restarted is gone for a moment.
  constexpr uint64_t kRestart = 5 * kSecond;
  if (alive() > 0) last_seen_ns_ = now_ns;
  return now_ns > last_seen_ns_ + (targets_.whole_clusters.empty() ? 0 : kRestart);
}

void TargetSet::look_again(uint64_t now_ns) {
  bury(now_ns);
  if (postmaster_is_gone()) follow_restarts();
}

// Processes that ended while they were added, or whose end found no room in the ring, would keep
// the recording going for ever. An end that is only late is waited for: who was dead the last time
// too.
void TargetSet::bury(uint64_t now_ns) {
  constexpr uint64_t kPause = 3 * kSecond;
  if (now_ns < buried_ns_ + kPause) return;
  buried_ns_ = now_ns;
  std::unordered_set<int32_t> dead;
  for (const int32_t pid : parts_.processes.pids()) {
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
    parts_.assembler.handle(end);
  }
  dead_ = std::move(dead);
}

bool TargetSet::postmaster_is_gone() const {
  return std::ranges::any_of(targets_.whole_clusters, [this](int32_t postmaster) {
    return !parts_.processes.contains(postmaster);
  });
}

// A new postmaster on the data directory of one that is gone takes its place.
bool TargetSet::replaces_a_lost_one(const Cluster& cluster) const {
  return std::ranges::any_of(parts_.builder.profile().clusters, [&](const Cluster& other) {
    return other.data_directory == cluster.data_directory &&
           !parts_.processes.contains(other.postmaster);
  });
}

void TargetSet::follow_restarts() {
  for (const RunningCluster& running : find_clusters()) {
    const Cluster& cluster = running.cluster;
    if (layouts_.contains(cluster.postmaster)) continue;
    if (!targets_.every_cluster && !replaces_a_lost_one(cluster)) continue;
    if (!options_.cgroup.empty() && !in_cgroup(cgroup_of(cluster.postmaster), options_.cgroup))
      continue;
    std::erase_if(targets_.whole_clusters,
                  [this](int32_t postmaster) { return !parts_.processes.contains(postmaster); });
    targets_.whole_clusters.push_back(cluster.postmaster);
    add_cluster(cluster);
    for (const int32_t pid : running.members) {
      if (auto done = add_process(pid, cluster.postmaster); !done) {
        parts_.builder.profile().recording.notes.push_back(
            "A restarted server could not be followed: " + done.error().what + ".");
      }
    }
  }
}

}  // namespace pgflame::capture
