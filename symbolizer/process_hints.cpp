#include "symbolizer/process_hints.h"

#include <vector>

namespace pgflame::symbolizer {
namespace {

bool is_jit_code(const Profile& profile, LocationId id) {
  if (!id.valid()) return false;
  const MappingId mapping = profile.locations[id].mapping;
  if (!mapping.valid() || !profile.mappings[mapping].module.valid()) return false;
  const ModuleKind kind = profile.modules[profile.mappings[mapping].module].kind;
  return kind == ModuleKind::kJit || kind == ModuleKind::kAnonymous;
}

// By StackId: whether there is any such code on it. Callers come before their callees.
std::vector<bool> stacks_with_jit_code(const Profile& profile) {
  std::vector<bool> with_code(profile.stacks.size());
  for (uint32_t i = 1; i < profile.stacks.size(); ++i) {
    const StackNode& node = profile.stacks[StackId{i}];
    with_code[i] = with_code[node.caller.value] || is_jit_code(profile, node.location);
  }
  return with_code;
}

}  // namespace

ProcessHints find_processes(const Profile& profile) {
  ProcessHints hints;
  const std::vector<bool> with_code = stacks_with_jit_code(profile);
  std::vector<int32_t> seen(profile.stacks.size());  // pid that was last here
  for (const Sample& sample : profile.samples) {
    if (!with_code[sample.stack.value] || !profile.backends.contains(sample.backend)) continue;
    const Backend& backend = profile.backends[sample.backend];
    StackId stack = sample.stack;
    while (stack.valid() && with_code[stack.value] && seen[stack.value] != backend.pid) {
      seen[stack.value] = backend.pid;
      const StackNode& node = profile.stacks[stack];
      if (is_jit_code(profile, node.location))
        hints.pid_of_code.try_emplace(node.location, backend.pid);
      stack = node.caller;
    }
  }
  return hints;
}

}  // namespace pgflame::symbolizer
