#include "src/capture/targets.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/capture/proc.h"

namespace pgflame::capture {
namespace {

constexpr std::string_view kListHint =
    "-p takes the word postgres, a pid, :PORT, a data directory, or a comma list of them";

Result<TargetWord> parse_word(std::string_view word) {
  if (word == "postgres") return TargetWord(EveryCluster{});
  if (word.starts_with(':')) {
    const auto port = parse_u64(word.substr(1));
    if (!port || *port == 0 || *port > UINT16_MAX) {
      return fail(
          ErrorKind::kUsage, fmt::format("\"{}\" is no port", word), std::string(kListHint));
    }
    return TargetWord(TargetPort{static_cast<uint16_t>(*port)});
  }
  const auto pid = parse_u64(word);
  if (pid && *pid > 0 && *pid <= INT32_MAX)
    return TargetWord(TargetPid{static_cast<int32_t>(*pid)});
  std::error_code ignored;
  if (word.find('/') != std::string_view::npos || std::filesystem::is_directory(word, ignored)) {
    return TargetWord(TargetDirectory{std::string(word)});
  }
  return fail(
      ErrorKind::kUsage, fmt::format("\"{}\" names no target", word), std::string(kListHint));
}

std::string list_of(const std::vector<RunningCluster>& clusters) {
  if (clusters.empty()) return "start a PostgreSQL server first: none is running on this host";
  std::string list;
  for (const RunningCluster& running : clusters) {
    const Cluster& cluster = running.cluster;
    list += fmt::format("{}pid {} (port {}, {})",
                        list.empty() ? "" : ", ",
                        cluster.postmaster,
                        cluster.port,
                        cluster.data_directory);
  }
  return "running clusters: " + list;
}

class Resolver {
 public:
  explicit Resolver(std::vector<RunningCluster> clusters) : clusters_(std::move(clusters)) {}

  Status operator()(EveryCluster) {
    if (clusters_.empty()) {
      return fail(ErrorKind::kNotFound,
                  "no PostgreSQL server is running on this host",
                  "start it, or run pgflame where its processes are visible (not inside another "
                  "container)");
    }
    for (const RunningCluster& running : clusters_)
      choose(running);
    targets_.every_cluster = true;
    return {};
  }

  Status operator()(TargetPort word) {
    return choose_where([&](const Cluster& cluster) { return cluster.port == word.port; },
                        fmt::format("no PostgreSQL cluster listens on port {}", word.port));
  }

  Status operator()(const TargetDirectory& word) {
    const auto same_directory = [&](const Cluster& cluster) {
      std::error_code failure;
      return std::filesystem::equivalent(proc_path(cluster.postmaster, "cwd"), word.path, failure);
    };
    return choose_where(same_directory, fmt::format("no PostgreSQL cluster runs on {}", word.path));
  }

  Status operator()(TargetPid word) {
    for (const RunningCluster& running : clusters_) {
      if (running.cluster.postmaster == word.pid) {
        choose(running);
        return {};
      }
      if (std::ranges::find(running.members, word.pid) != running.members.end()) {
        keep(running);
        targets_.backends.push_back(word.pid);
        return {};
      }
    }
    if (!read_stat(word.pid)) {
      return fail(ErrorKind::kNotFound,
                  fmt::format("there is no process with pid {}", word.pid),
                  list_of(clusters_));
    }
    return fail(ErrorKind::kNotFound,
                fmt::format("process {} does not belong to a PostgreSQL cluster", word.pid),
                list_of(clusters_));
  }

  Targets take() { return std::move(targets_); }

 private:
  template <typename Predicate>
  Status choose_where(Predicate&& wanted, std::string otherwise) {
    bool found = false;
    for (const RunningCluster& running : clusters_) {
      if (!wanted(running.cluster)) continue;
      choose(running);
      found = true;
    }
    if (found) return {};
    return fail(ErrorKind::kNotFound, std::move(otherwise), list_of(clusters_));
  }

  void choose(const RunningCluster& running) {
    keep(running);
    const int32_t postmaster = running.cluster.postmaster;
    if (std::ranges::find(targets_.whole_clusters, postmaster) == targets_.whole_clusters.end()) {
      targets_.whole_clusters.push_back(postmaster);
    }
  }

  void keep(const RunningCluster& running) {
    const bool known = std::ranges::any_of(targets_.clusters, [&](const RunningCluster& other) {
      return other.cluster.postmaster == running.cluster.postmaster;
    });
    if (!known) targets_.clusters.push_back(running);
  }

  std::vector<RunningCluster> clusters_;
  Targets targets_;
};

}  // namespace

Result<std::vector<TargetWord>> parse_targets(const std::vector<std::string>& words) {
  std::vector<TargetWord> parsed;
  for (const std::string& list : words) {
    for (const std::string_view word : split(list, ',')) {
      auto target = parse_word(trim(word));
      if (!target) return fail(std::move(target).error());
      parsed.push_back(std::move(*target));
    }
  }
  if (parsed.empty()) parsed.emplace_back(EveryCluster{});
  return parsed;
}

bool in_cgroup(std::string_view cgroup, std::string_view wanted) {
  constexpr std::string_view kMount = "/sys/fs/cgroup";
  const bool mounted = wanted.starts_with(kMount);
  if (mounted) wanted.remove_prefix(kMount.size());
  // Without a unified hierarchy the name of one comes next.
  const auto second = wanted.find('/', 1);
  if (mounted && second != std::string_view::npos && in_cgroup(cgroup, wanted.substr(second))) {
    return true;
  }
  while (wanted.size() > 1 && wanted.ends_with('/'))
    wanted.remove_suffix(1);
  if (wanted.empty() || wanted == "/") return true;
  if (wanted.find('/') == std::string_view::npos) {
    return cgroup.find(wanted) != std::string_view::npos;
  }
  return cgroup.starts_with(wanted) &&
         (cgroup.size() == wanted.size() || cgroup[wanted.size()] == '/');
}

Result<std::vector<RunningCluster>> keep_cgroup(std::vector<RunningCluster> clusters,
                                                const std::string& wanted) {
  if (wanted.empty()) return clusters;
  const std::string before = list_of(clusters);
  std::erase_if(clusters, [&](const RunningCluster& running) {
    return !in_cgroup(cgroup_of(running.cluster.postmaster), wanted);
  });
  if (!clusters.empty()) return clusters;
  return fail(ErrorKind::kNotFound,
              fmt::format("no PostgreSQL cluster runs in the control group {}", wanted),
              before);
}

Result<Targets> resolve_targets(const std::vector<TargetWord>& words,
                                std::vector<RunningCluster> clusters) {
  Resolver resolver(std::move(clusters));
  for (const TargetWord& word : words) {
    if (auto done = std::visit(resolver, word); !done) return fail(std::move(done).error());
  }
  return resolver.take();
}

}  // namespace pgflame::capture
