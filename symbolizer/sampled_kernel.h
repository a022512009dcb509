// The names of the kernel that a profile was sampled on.
#pragma once

#include <vector>

#include "src/profile/profile.h"
#include "symbolizer/kernel_symbols.h"
#include "symbolizer/symbolizer.h"

namespace pgflame::symbolizer {

// Those of these locations that the mapping has; hidden unless the kernel that runs here is known
// to be the same build at the same place.
KernelSymbols sampled_kernel(const Profile& profile,
                             MappingId mapping,
                             const std::vector<LocationId>& locations,
                             const Options& options);

}  // namespace pgflame::symbolizer
