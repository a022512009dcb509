// What /proc tells about processes and CPUs. A process may vanish at any moment: absence is a
// normal answer everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgflame::capture {

struct ProcessStat {
  std::string comm;
  char state = '?';     // R, S, D, Z, ...
  bool ending = false;  // in exit(): its memory may be gone, its end may have been reported
  int32_t parent = 0;
  int64_t start_ns = 0;  // since boot
};

std::vector<int32_t> all_pids();
std::optional<ProcessStat> read_stat(int32_t pid);
// The text of /proc/PID/stat; the name may contain blanks and parentheses.
std::optional<ProcessStat> parse_stat(std::string_view text);

// The command line, its arguments joined by blanks; for backends that is their title.
std::string read_command_line(int32_t pid);

// The kernel writes " (deleted)" behind the path of a file that has no name any more.
std::string_view without_deleted(std::string_view path);

// Where a link of /proc/PID points to ("exe", "cwd"), without " (deleted)". Empty when unreadable.
std::string read_process_link(int32_t pid, std::string_view name);

// The control group of the process, "/system.slice/postgresql.service": that of the unified
// hierarchy, else systemd's, else any. Empty when it is in none but the root.
std::string cgroup_of(int32_t pid);
// The same from the text of /proc/PID/cgroup.
std::string parse_cgroup(std::string_view text);

// The pid that the process has in the innermost pid namespace it lives in.
int32_t namespace_pid(int32_t pid);

// Now, in nanoseconds of CLOCK_MONOTONIC: the clock of all events.
uint64_t monotonic_now();

// CPU time of the calling thread.
uint64_t thread_cpu_ns();

// "/proc/42/maps"
std::string proc_path(int32_t pid, std::string_view name);

// "0-3,8" -> 0 1 2 3 8; what cannot be read is left out, numbers from 65536 on too.
std::vector<int> parse_cpu_list(std::string_view text);
std::vector<int> online_cpus();

}  // namespace pgflame::capture
