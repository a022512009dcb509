// Which modules would need symbols, and the package that has them.
#pragma once

#include <vector>

#include "symbolizer/symbolizer.h"

namespace pgflame::symbolizer {

// Modules in which running samples end without a function's name, most samples first. What is
// installed here tells the packages too where the profile is of this host (`installed_here`), of
// modules with a hundredth of the samples.
std::vector<MissingSymbols> missing_symbols(const Profile& profile, bool installed_here = false);

}  // namespace pgflame::symbolizer
