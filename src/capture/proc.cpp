#include "src/capture/proc.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/base/text.h"

namespace pgflame::capture {
namespace {

constexpr size_t kMaxText = size_t{1} << 20;
constexpr uint64_t kMaxCpus = 65536;
constexpr uint64_t kExiting = 0x4;  // PF_EXITING, include/linux/sched.h

std::string read_text(const std::string& path) {
  auto text = read_file(path, kMaxText);
  return text ? std::move(*text) : std::string();
}

uint64_t now_on(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

std::string proc_path(int32_t pid, std::string_view name) {
  return fmt::format("/proc/{}/{}", pid, name);
}

uint64_t monotonic_now() {
  return now_on(CLOCK_MONOTONIC);
}

uint64_t thread_cpu_ns() {
  return now_on(CLOCK_THREAD_CPUTIME_ID);
}

std::vector<int32_t> all_pids() {
  std::vector<int32_t> pids;
  std::error_code failure;
  for (std::filesystem::directory_iterator it("/proc", failure), end; !failure && it != end;
       it.increment(failure)) {
    const auto pid = parse_u64(it->path().filename().native());
    if (pid && *pid > 0 && *pid <= INT32_MAX) pids.push_back(static_cast<int32_t>(*pid));
  }
  std::ranges::sort(pids);
  return pids;
}

std::optional<ProcessStat> parse_stat(std::string_view text) {
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  // Fields after the name, from "state" (number 3 in proc(5)) on.
  const auto fields = split(trim(text.substr(close + 1)), ' ');
  constexpr size_t kParent = 1;
  constexpr size_t kFlags = 6;
  constexpr size_t kStart = 19;
  if (fields.size() <= kStart || fields[0].size() != 1) return std::nullopt;
  const auto parent = parse_u64(fields[kParent]);
  const auto flags = parse_u64(fields[kFlags]);
  const auto start = parse_u64(fields[kStart]);
  if (!parent || !flags || !start || *parent > INT32_MAX) return std::nullopt;
  static const int64_t ns_per_tick = 1'000'000'000 / std::max(1L, ::sysconf(_SC_CLK_TCK));
  ProcessStat stat;
  stat.comm = text.substr(open + 1, close - open - 1);
  stat.state = fields[0][0];
  stat.ending = (*flags & kExiting) != 0;
  stat.parent = static_cast<int32_t>(*parent);
  stat.start_ns = static_cast<int64_t>(*start) * ns_per_tick;
  return stat;
}

std::optional<ProcessStat> read_stat(int32_t pid) {
  return parse_stat(read_text(proc_path(pid, "stat")));
}

std::string read_command_line(int32_t pid) {
  std::string line = read_text(proc_path(pid, "cmdline"));
  std::ranges::replace(line, '\0', ' ');
  return std::string(trim(line));
}

std::string_view without_deleted(std::string_view path) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return path;
}

std::string read_process_link(int32_t pid, std::string_view name) {
  std::array<char, 4096> target{};
  const ssize_t size = ::readlink(proc_path(pid, name).c_str(), target.data(), target.size());
  if (size <= 0) return {};
  return std::string(without_deleted({target.data(), static_cast<size_t>(size)}));
}

std::string parse_cgroup(std::string_view text) {
  // "0::/path", or with controllers "4:memory:/path" (cgroups(7)).
  std::string_view systemd;
  std::string_view any;
  for (const std::string_view line : split(text, '\n')) {
    const auto at = line.find(":/");
    if (at == std::string_view::npos || line.size() == at + 2) continue;
    const std::string_view controllers = line.substr(0, at);
    const std::string_view path = line.substr(at + 1);
    if (controllers == "0:") return std::string(path);
    if (controllers.ends_with(":name=systemd")) systemd = path;
    any = path;
  }
  return std::string(systemd.empty() ? any : systemd);
}

std::string cgroup_of(int32_t pid) {
  return parse_cgroup(read_text(proc_path(pid, "cgroup")));
}

int32_t namespace_pid(int32_t pid) {
  const std::string status = read_text(proc_path(pid, "status"));
  for (const std::string_view line : split(status, '\n')) {
    if (!line.starts_with("NSpid:")) continue;
    const auto last = parse_u64(trim(line.substr(line.find_last_of(" \t") + 1)));
    if (last && *last <= INT32_MAX) return static_cast<int32_t>(*last);
  }
  return pid;
}

std::vector<int> parse_cpu_list(std::string_view text) {
  std::vector<int> cpus;
  for (const std::string_view part : split(trim(text), ',')) {
    const auto dash = part.find('-');
    const auto first = parse_u64(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_u64(part.substr(dash + 1));
    if (!first || !last || *last >= kMaxCpus) continue;
    for (uint64_t cpu = *first; cpu <= *last; ++cpu)
      cpus.push_back(static_cast<int>(cpu));
  }
  return cpus;
}

std::vector<int> online_cpus() {
  return parse_cpu_list(read_text("/sys/devices/system/cpu/online"));
}

}  // namespace pgflame::capture
