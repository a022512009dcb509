// The user part of one stack as `perf record --call-graph dwarf` captures it, and as it comes out
// of the unwinder. Shared by src/input, which reads dumps, and symbolizer/unwind, which walks them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "src/profile/address_space.h"
#include "src/profile/profile.h"

namespace pgflame {

// Whose registers they are; perf numbers each processor's in its own way.
enum class DumpMachine : uint8_t { kUnknown, kX86, kAarch64, kOther };

// By what uname(2) calls it; kUnknown when empty.
DumpMachine dump_machine_of(std::string_view architecture);

struct UserDump {
  uint64_t abi = 0;                             // 1: 32 bit, 2: 64 bit (PERF_SAMPLE_REGS_ABI_*)
  uint64_t register_mask = 0;                   // sample_regs_user
  std::span<const uint64_t> registers;          // by set bit of the mask
  std::span<const uint8_t> stack;               // memory from the stack pointer upwards
  DumpMachine machine = DumpMachine::kUnknown;  // then the mask decides
};

struct UserStack {
  // Innermost first, callers by their return addresses; a caller that a signal interrupted by the
  // next address after its pc, so that one less is always the instruction it is at.
  std::vector<uint64_t> addresses;
  StackEnd end = StackEnd::kUnknown;
};

using Unwinder = std::function<UserStack(const Profile&, const AddressSpace&, const UserDump&)>;

}  // namespace pgflame
