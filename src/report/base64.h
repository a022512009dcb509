// Base64 (RFC 4648), for the profile inside the SVG.
#pragma once

#include <string>
#include <string_view>

namespace pgflame::report {

std::string base64(std::string_view bytes);

}  // namespace pgflame::report
