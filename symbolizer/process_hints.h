// Which process to ask about a module or a piece of JIT code.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "src/profile/profile.h"

namespace pgflame::symbolizer {

struct ProcessHints {
  std::vector<int32_t> pid_of_module;         // by ModuleId: one that runs its code; 0 none known
  std::map<LocationId, int32_t> pid_of_code;  // for locations in JIT code
};

ProcessHints find_processes(const Profile& profile);

}  // namespace pgflame::symbolizer
