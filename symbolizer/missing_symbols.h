// Which modules would need symbols, and the package that has them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/symbolizer.h"

namespace pgflame::symbolizer {

// Modules in which running samples end without a function's name, most samples first.
std::vector<MissingSymbols> missing_symbols(const Profile& profile);

// The package with the debug symbols of a file, by the paths Debian, PGDG and the RPM distributions
// install to; empty when unknown.
std::string debug_package(std::string_view path);

}  // namespace pgflame::symbolizer
