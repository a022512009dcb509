// What kind of process a backend is, by the function it never returns from.
#pragma once

#include <string_view>

#include "src/profile/profile.h"

namespace pgflame::postgres {

// Fills in Backend::type of processes that nothing else told the type of: captures of other tools,
// and workers that lived too short for their title to be read. Needs named functions. The types are
// those of pg_stat_activity.backend_type, and for what it does not list "logger", "stats collector"
// and "standalone backend" (src/backend/utils/init/miscinit.c, GetBackendTypeDesc); an extension's
// worker, which it calls what the extension likes, is a "background worker". A walsender is a
// "client backend" as long as its samples show no replication command.
void fill_in_backend_types(Profile& profile);

// Whether a Backend::type can be this: of those above, or one that its process title tells.
bool is_backend_type(std::string_view type);

}  // namespace pgflame::postgres
