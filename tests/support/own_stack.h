// The calling thread's own stack, captured as perf record --call-graph dwarf would.
#pragma once

#include <cstdint>
#include <vector>

#include "src/profile/user_stack.h"

namespace pgflame::testing {

struct OwnStack {
  Profile profile;  // this process' modules and mappings
  AddressSpace space;
  uint64_t register_mask = 0;
  std::vector<uint64_t> registers;
  std::vector<uint8_t> memory;
  // By libgcc's unwinder, from the capture's caller on; as UserStack has them.
  std::vector<uint64_t> callers;

  UserDump dump() const { return {2, register_mask, registers, memory}; }
};

// x86-64 only. The innermost frame is capture_own_stack itself.
OwnStack capture_own_stack();

}  // namespace pgflame::testing
