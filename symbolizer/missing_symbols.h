// Which modules would need symbols, and the package that has them.
#pragma once

#include <vector>

#include "symbolizer/symbolizer.h"

namespace pgflame::symbolizer {

// Modules in which running samples end without a function's name, most samples first. Of a profile
// of this host, what is installed here tells the packages too.
std::vector<MissingSymbols> missing_symbols(const Profile& profile, bool this_host = false);

}  // namespace pgflame::symbolizer
