#include "symbolizer/process_hints.h"

#include <vector>

namespace pgflame::symbolizer {
namespace {

void add_hint(const Profile& profile, LocationId id, const Backend& backend, ProcessHints& hints) {
  const MappingId mapping = profile.locations[id].mapping;
  if (!mapping.valid() || !profile.mappings[mapping].module.valid()) return;
  const ModuleId module = profile.mappings[mapping].module;
  const ModuleKind kind = profile.modules[module].kind;
  if (kind == ModuleKind::kJit || kind == ModuleKind::kAnonymous) {
    hints.pid_of_code.try_emplace(id, backend.pid);
  }
}

}  // namespace

ProcessHints find_processes(const Profile& profile) {
  ProcessHints hints;
  std::vector<int32_t> seen(profile.stacks.size());  // pid that was last here
  for (const Sample& sample : profile.samples) {
    if (!profile.backends.contains(sample.backend)) continue;
    const Backend& backend = profile.backends[sample.backend];
    StackId stack = sample.stack;
    while (stack.valid() && stack != kEmptyStack && seen[stack.value] != backend.pid) {
      seen[stack.value] = backend.pid;
      const StackNode& node = profile.stacks[stack];
      if (node.location.valid()) add_hint(profile, node.location, backend, hints);
      stack = node.caller;
    }
  }
  return hints;
}

}  // namespace pgflame::symbolizer
