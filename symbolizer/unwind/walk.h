// The loop around the step (step.h): from a captured dump's innermost frame outwards.
#pragma once

#include <concepts>

#include "src/profile/user_stack.h"
#include "symbolizer/unwind/step.h"

namespace pgflame::unwind {

// `rule_at` returns the rule for a process address, or null where nothing is mapped. At most
// PGF_MAX_USER_FRAMES frames; the dump's frame is used up.
template <std::invocable<uint64_t> RuleAt>
UserStack walk_dump(Dump& dump, RuleAt&& rule_at) {
  UserStack stack;
  stack.addresses.reserve(32);
  int end = PGF_GO_ON;
  while (end == PGF_GO_ON) {
    if (stack.addresses.size() == PGF_MAX_USER_FRAMES) {
      end = PGF_END_TRUNCATED;
      break;
    }
    stack.addresses.push_back(pgf_written_pc(&dump.frame));
    const Rule* rule = rule_at(pgf_lookup_pc(&dump.frame));
    end = rule == nullptr ? PGF_END_NO_MODULE : pgf_step(&dump.frame, rule, &dump.memory);
  }
  stack.end = stack_end_of(end);
  return stack;
}

}  // namespace pgflame::unwind
