// The loop around the step (step.h): from a captured dump's innermost frame outwards.
#pragma once

#include <concepts>

#include "src/profile/user_stack.h"
#include "symbolizer/unwind/step.h"

namespace pgflame::unwind {

// Whose callers are looked up in tables; those of other frames are found by frame pointers.
enum class ByTable : uint8_t { kAll, kInnermost };

// `rule_at` returns the rule for a process address, or null where nothing is mapped. At most
// PGF_MAX_USER_FRAMES frames; the dump's frame is used up.
template <std::invocable<uint64_t> RuleAt>
UserStack walk_dump(Dump& dump, RuleAt&& rule_at, ByTable by_table = ByTable::kAll) {
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
    const bool table = by_table == ByTable::kAll || stack.addresses.size() == 1;
    if (rule == nullptr)
      end = PGF_END_NO_MODULE;
    else if (table && rule->cfa != PGF_CFA_CHAIN)
      end = pgf_step(&dump.frame, rule, &dump.memory);
    else
      end = pgf_step_fp(&dump.frame, &dump.memory);
  }
  int found = 1;
  stack.end = stack_end_of(pgf_end_of_walk(&dump.frame, end, &found));
  if (found == 0) stack.addresses.pop_back();
  return stack;
}

}  // namespace pgflame::unwind
