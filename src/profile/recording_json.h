// Recording, clusters, queries and the other things pprof has no field for, as JSON.
// Private to the pprof reader and writer.
#pragma once

#include <string>
#include <string_view>

#include "src/base/error.h"
#include "src/profile/profile.h"

namespace pgflame {

// Everything of the profile but the tables that pprof holds.
std::string metadata_to_json(const Profile& profile);

// Fills recording, clusters, queries, and the kinds and tiers of modules, functions and backends
// that are already there. Unknown keys are ignored, missing ones keep their defaults.
Status metadata_from_json(std::string_view text, Profile& profile);

}  // namespace pgflame
