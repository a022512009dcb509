// The profile that a pgflame report carries inside.
#pragma once

#include <string>
#include <string_view>

#include "src/base/error.h"

namespace pgflame::input {

bool looks_like_svg(std::string_view start);

// The pprof bytes (gzip-compressed) of <metadata class="profile">.
Result<std::string> profile_inside_svg(std::string_view svg);

}  // namespace pgflame::input
