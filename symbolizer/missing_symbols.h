// Which modules would need symbols, and the package that has them.
#pragma once

#include <cstdint>
#include <vector>

#include "symbolizer/symbolizer.h"

namespace pgflame::symbolizer {

// Running samples by the location they end in, whether it has a name or not.
std::vector<uint64_t> running_by_leaf(const Profile& profile);

// Modules in which those samples end without a function's name, most samples first. What is
// installed here tells the packages too where the profile is of this host (`installed_here`), of
// modules with a hundredth of the samples.
std::vector<MissingSymbols> missing_symbols(const Profile& profile,
                                            const std::vector<uint64_t>& running,
                                            bool installed_here = false);

}  // namespace pgflame::symbolizer
