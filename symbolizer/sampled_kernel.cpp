#include "symbolizer/sampled_kernel.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "symbolizer/running_kernel.h"

namespace pgflame::symbolizer {
namespace {

// A kernel at such an address was not moved to a random one.
constexpr uint64_t kUnmovedKernel = uint64_t{16} << 20;

// By whichever mapping: a capture may claim several of the one kernel.
std::vector<uint64_t> kernel_addresses(const Profile& profile,
                                       const std::vector<LocationId>& locations) {
  std::vector<uint64_t> addresses;
  for (const LocationId id : locations) {
    const Location& location = profile.locations[id];
    if (!location.mapping.valid()) continue;
    const ModuleId module = profile.mappings[location.mapping].module;
    if (module.valid() && profile.modules[module].kind == ModuleKind::kKernel)
      addresses.push_back(location.address);
  }
  std::ranges::sort(addresses);
  return addresses;
}

}  // namespace

// Another recording's addresses mean the same when the kernel is the same build at the same place.
KernelSymbols sampled_kernel(const Profile& profile,
                             MappingId mapping,
                             const std::vector<LocationId>& locations,
                             const Options& options) {
  KernelSymbols hidden;
  hidden.hidden = true;
  const Module& module = profile.modules[profile.mappings[mapping].module];
  if (!options.this_host) {
    if (module.build_id.empty() || build_id_of_running_kernel() != module.build_id) return hidden;
  }
  auto kernel = options.kernel == nullptr
                    ? read_kernel_symbols()
                    : options.kernel->take(kernel_addresses(profile, locations));
  if (!kernel) return hidden;
  const bool same_place = kernel->text_start == profile.mappings[mapping].start;
  if (!options.this_host && !same_place) return hidden;
  // Where modules are differs from boot to boot, and only a random place tells two boots apart.
  if (!options.this_host && kernel->text_start % kUnmovedKernel == 0) kernel->drop_modules();
  return *std::move(kernel);
}

}  // namespace pgflame::symbolizer
