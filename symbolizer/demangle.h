// Names as people write them.
#pragma once

#include <string>
#include <string_view>

namespace pgflame::symbolizer {

// C++ (Itanium ABI) and Rust (legacy and v0) names; any other name comes back as it is, and so does
// a mangled one that cannot be read or stands for more than 64 KiB of text.
std::string demangle(std::string_view name);

}  // namespace pgflame::symbolizer
