#include "symbolizer/missing_symbols.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "symbolizer/debug_package.h"

namespace pgflame::symbolizer {
namespace {

constexpr uint64_t kMattersPart = 100;  // of all samples

}  // namespace

std::vector<uint64_t> running_by_leaf(const Profile& profile) {
  std::vector<uint64_t> samples(profile.locations.size());
  for (const Sample& sample : profile.samples) {
    const LocationId leaf = profile.stacks[sample.stack].location;
    if (sample.state == State::kRunning && leaf.valid()) samples[leaf.value] += sample.count;
  }
  return samples;
}

std::vector<MissingSymbols> missing_symbols(const Profile& profile,
                                            const std::vector<uint64_t>& running,
                                            bool installed_here) {
  const uint64_t all = std::accumulate(running.begin(), running.end(), uint64_t{0});
  std::map<std::pair<ModuleId, Unnamed>, uint64_t> samples;
  for (size_t i = 0; i < running.size(); ++i) {
    const Location& location = profile.locations[profile.locations.id_at(i)];
    if (running[i] == 0 || location.line_count == 0) continue;
    const Function& function = profile.functions[profile.lines[location.first_line].function];
    const bool unnamed = function.tier == NameTier::kNone || function.tier == NameTier::kPlaced;
    if (!unnamed || !function.module.valid()) continue;
    const Unnamed reason =
        function.tier == NameTier::kPlaced ? Unnamed::kNoSymbols : function.unnamed;
    samples[{function.module, reason}] += running[i];
  }
  std::vector<MissingSymbols> missing;
  for (const auto& [key, count] : samples) {
    const Module& module = profile.modules[key.first];
    std::string package = debug_package(module.path);
    // What is installed is listed in a file per package: read for modules that matter.
    const bool matters = count >= all / kMattersPart;
    if (package.empty() && installed_here && matters && module.kind == ModuleKind::kFile) {
      package = installed_debug_package(module.path);
    }
    missing.push_back({.module = module.path,
                       .build_id = module.build_id,
                       .package = std::move(package),
                       .reason = key.second,
                       .samples = count,
                       .id = key.first,
                       .rejected = {}});
  }
  std::ranges::stable_sort(missing, std::ranges::greater{}, &MissingSymbols::samples);
  return missing;
}

}  // namespace pgflame::symbolizer
