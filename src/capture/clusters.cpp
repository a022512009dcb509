#include "src/capture/clusters.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "src/base/file.h"
#include "src/base/text.h"
#include "src/capture/proc.h"
#include "src/capture/process_title.h"

namespace pgflame::capture {
namespace {

constexpr size_t kMaxPidFile = 16 << 10;

bool is_server(std::string_view executable) {
  const std::string_view name = executable.substr(executable.rfind('/') + 1);
  return name == "postgres" || name == "postmaster";
}

std::vector<ProcessRow> list_processes() {
  std::vector<ProcessRow> rows;
  for (const int32_t pid : all_pids()) {
    const auto stat = read_stat(pid);
    if (!stat || stat->state == 'Z') continue;
    rows.push_back({pid, stat->parent, read_process_link(pid, "exe")});
  }
  return rows;
}

std::string version_of(int32_t postmaster) {
  const auto binary = MappedFile::open(proc_path(postmaster, "exe"));
  if (!binary) return {};
  const auto bytes = binary->bytes();
  return find_version({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

int major_of(int32_t postmaster, std::string_view version) {
  // The postmaster's working directory is its data directory, whatever its mount namespace.
  const auto text = read_file(proc_path(postmaster, "cwd/PG_VERSION"), kMaxPidFile);
  std::string_view number = text ? trim(*text) : version;
  number = number.substr(0, number.find_first_not_of("0123456789"));
  const auto major = parse_u64(number);
  return major && *major < 1000 ? static_cast<int>(*major) : 0;
}

RunningCluster describe(int32_t postmaster, const std::vector<ProcessRow>& processes) {
  RunningCluster running;
  Cluster& cluster = running.cluster;
  cluster.postmaster = postmaster;
  running.members = descendants_of(postmaster, processes);
  running.executable = read_process_link(postmaster, "exe");
  cluster.data_directory = read_process_link(postmaster, "cwd");
  cluster.version = version_of(postmaster);
  cluster.major = major_of(postmaster, cluster.version);
  const auto text = read_file(proc_path(postmaster, "cwd/postmaster.pid"), kMaxPidFile);
  const auto file = text ? parse_postmaster_file(*text) : std::nullopt;
  if (file) cluster.port = file->port;
  std::vector<std::string> titles;
  for (const int32_t pid : running.members)
    titles.push_back(read_command_line(pid));
  cluster.name = cluster_name_of(titles);
  return running;
}

}  // namespace

std::vector<int32_t> postmasters_among(const std::vector<ProcessRow>& processes) {
  std::unordered_set<int32_t> servers;
  for (const ProcessRow& row : processes) {
    if (is_server(row.executable)) servers.insert(row.pid);
  }
  std::vector<int32_t> roots;
  for (const ProcessRow& row : processes) {
    if (servers.contains(row.pid) && !servers.contains(row.parent)) roots.push_back(row.pid);
  }
  return roots;
}

std::vector<int32_t> descendants_of(int32_t root, const std::vector<ProcessRow>& processes) {
  std::unordered_map<int32_t, std::vector<int32_t>> children;
  for (const ProcessRow& row : processes)
    children[row.parent].push_back(row.pid);
  std::vector<int32_t> found = {root};
  std::unordered_set<int32_t> seen = {root};  // a pid reused while /proc was read makes cycles
  for (size_t i = 0; i < found.size(); ++i) {
    for (const int32_t child : children[found[i]]) {
      if (seen.insert(child).second) found.push_back(child);
    }
  }
  return found;
}

std::optional<PostmasterFile> parse_postmaster_file(std::string_view text) {
  const auto lines = split(text, '\n');
  if (lines.size() < 2) return std::nullopt;
  PostmasterFile file;
  // A standalone backend writes its pid as a negative number.
  const auto pid = parse_u64(trim(lines[0]));
  if (!pid || *pid > INT32_MAX) return std::nullopt;
  file.pid = static_cast<int32_t>(*pid);
  file.data_directory = trim(lines[1]);
  const auto port = lines.size() > 3 ? parse_u64(trim(lines[3])) : std::nullopt;
  if (port && *port <= UINT16_MAX) file.port = static_cast<uint16_t>(*port);
  return file;
}

std::string find_version(std::string_view binary) {
  constexpr std::string_view kStart = "PostgreSQL ";
  constexpr size_t kMaxVersion = 256;
  for (size_t at = binary.find(kStart); at != std::string_view::npos;
       at = binary.find(kStart, at + 1)) {
    std::string_view text = binary.substr(at + kStart.size(), kMaxVersion);
    text = text.substr(0, text.find('\0'));
    const auto end = text.find(" on ");
    if (end == std::string_view::npos || text.find(", compiled by ") == std::string_view::npos) {
      continue;
    }
    if (end > 0 && text[0] >= '0' && text[0] <= '9') return std::string(text.substr(0, end));
  }
  return {};
}

std::vector<RunningCluster> find_clusters() {
  const auto processes = list_processes();
  std::vector<RunningCluster> clusters;
  for (const int32_t postmaster : postmasters_among(processes))
    clusters.push_back(describe(postmaster, processes));
  return clusters;
}

}  // namespace pgflame::capture
