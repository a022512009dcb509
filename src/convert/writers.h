// One writer per format, and what they share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/error.h"
#include "src/base/pieces.h"
#include "src/profile/profile.h"

namespace pgflame::convert {

std::string write_folded(const Profile& profile);
Status write_perf_script(const Profile& profile, const PieceSink& put);
std::string write_speedscope(const Profile& profile);
std::string write_firefox(const Profile& profile);
std::string write_json(const Profile& profile);

// A JSON string with its quotes; bytes that are no UTF-8 are replaced.
std::string json_string(std::string_view text);

// The locations of a stack, innermost first.
std::vector<LocationId> locations_of(const Profile& profile, StackId stack);

// What to call a location that has no names: "[unknown]" or its module and place in it.
std::string unnamed_frame(const Profile& profile, const Location& location);

// Where the code of a location lies: its mapping's module, or what the input said; invalid:
// unknown.
ModuleId module_of(const Profile& profile, const Location& location);
bool is_kernel(const Profile& profile, const Location& location);

// The rows of samples in state running, by time.
std::vector<uint32_t> rows_by_time(const Profile& profile);

// The comm of the sample's process, empty when unknown.
std::string comm_of(const Profile& profile, const Sample& sample);
int32_t pid_of(const Profile& profile, const Sample& sample);

}  // namespace pgflame::convert
