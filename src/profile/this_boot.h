// Whether a capture was made on this host since it was started, as far as it says.
#pragma once

#include <string_view>

#include "src/profile/profile.h"

namespace pgflame {

struct Host {
  std::string name;
  std::string kernel;         // release, "6.1.0-18-amd64"
  int64_t booted_unix_s = 0;  // 0 unknown
};

Host this_host();
// The "btime" line of /proc/stat (proc(5)); 0 when there is none.
int64_t boot_time_of_stat(std::string_view stat);

// Then what its processes left behind is taken to be theirs: same host, same kernel, and not from
// before the boot. Most captures of perf do not say when they were made; that alone is no obstacle,
// because code made at run time lies elsewhere in every process (address space randomisation).
bool is_of_this_boot(const Recording& recording, const Host& host);

// What to add to a time of perf's own clock, nanoseconds since this boot, for the Unix time: rather
// a little too much, because that clock drifts (by less than 50 ppm) and does not say how far.
int64_t unix_time_of_boot();

}  // namespace pgflame
