// DatabaseContext as JSON. Private to the pprof reader and writer.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "src/profile/database.h"

namespace pgflame {

void to_json(nlohmann::json& json, const DatabaseContext& context);
// Missing keys keep their defaults; throws nlohmann::json::exception on wrong types.
void from_json(const nlohmann::json& json, DatabaseContext& context);

}  // namespace pgflame
