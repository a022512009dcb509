// Which process to ask about a piece of JIT code.
#pragma once

#include <cstdint>
#include <map>

#include "src/profile/profile.h"

namespace pgflame::symbolizer {

struct ProcessHints {
  std::map<LocationId, int32_t> pid_of_code;  // for locations in JIT code
};

ProcessHints find_processes(const Profile& profile);

}  // namespace pgflame::symbolizer
