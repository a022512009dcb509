// Finds what JIT compilers write down about their code, in this host's file system and in those of
// containers.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "symbolizer/function_table.h"
#include "symbolizer/symbolizer.h"

namespace pgflame::symbolizer {

// By process, as this host numbers them: the tables of its jitdump files among the profile's
// modules, then, where the profile is of this host, of its perf map. A process in a container knows
// itself by another number, and by that its files are called.
std::map<int32_t, std::vector<FunctionTable>> read_jit_files(const Profile& profile,
                                                             const Options& options,
                                                             const std::set<int32_t>& pids);

// The number by which a process knows itself, from the text of /proc/PID/status: the last of
// "NSpid:"; 0 when it does not say.
int32_t own_pid_of_status(std::string_view status);

}  // namespace pgflame::symbolizer
