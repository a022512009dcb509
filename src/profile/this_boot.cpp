#include "src/profile/this_boot.h"

#include <ctime>

#include <sys/utsname.h>

#include "src/base/file.h"
#include "src/base/text.h"

namespace pgflame {

int64_t boot_time_of_stat(std::string_view stat) {
  constexpr std::string_view kKey = "btime ";
  for (const std::string_view line : split(stat, '\n')) {
    if (!line.starts_with(kKey)) continue;
    const auto seconds = parse_u64(line.substr(kKey.size()));
    return seconds && *seconds <= INT64_MAX ? static_cast<int64_t>(*seconds) : 0;
  }
  return 0;
}

Host this_host() {
  constexpr size_t kMaxStat = size_t{16} << 20;
  Host host;
  utsname names{};
  if (::uname(&names) == 0) {
    host.name = names.nodename;
    host.kernel = names.release;
  }
  if (const auto stat = read_file("/proc/stat", kMaxStat)) {
    host.booted_unix_s = boot_time_of_stat(*stat);
  }
  return host;
}

int64_t unix_time_of_boot() {
  constexpr int64_t kSlack = 1'000'000'000;
  constexpr int64_t kLeastDriftRatio = 20'000;
  const auto nanoseconds_of = [](clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return time.tv_sec * int64_t{1'000'000'000} + time.tv_nsec;
  };
  const int64_t since_boot = nanoseconds_of(CLOCK_MONOTONIC);
  return nanoseconds_of(CLOCK_REALTIME) - since_boot + kSlack + since_boot / kLeastDriftRatio;
}

bool is_of_this_boot(const Recording& recording, const Host& host) {
  constexpr int64_t kNanoseconds = 1'000'000'000;
  if (host.name.empty() || recording.host != host.name || recording.kernel != host.kernel)
    return false;
  return recording.start_unix_ns == 0 ||
         recording.start_unix_ns / kNanoseconds >= host.booted_unix_s;
}

}  // namespace pgflame
