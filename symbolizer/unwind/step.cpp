#include "symbolizer/unwind/step.h"

#include <bit>

using pgflame::unwind::DumpMemory;

int pgf_read_register(void* memory, unsigned number, __u64* value) {
  const auto& dump = *static_cast<const DumpMemory*>(memory);
  if (number >= dump.registers.size() || (dump.known_registers >> number & 1) == 0) return -1;
  *value = dump.registers[number];
  return 0;
}

namespace pgflame::unwind {
namespace {

constexpr uint64_t kAbi32 = 1;
constexpr uint64_t kAbi64 = 2;
constexpr uint8_t kNoRegister = 0xff;

// DWARF numbers of perf's registers (arch/x86/include/uapi/asm/perf_regs.h), from AX to SP.
constexpr std::array<uint8_t, 8> kX8664{0, 3, 2, 1, 4, 5, 6, 7};
constexpr std::array<uint8_t, 8> kI386{0, 3, 1, 2, 6, 7, 5, 4};
constexpr unsigned kX86Pc = 8;
constexpr unsigned kX86R8 = 16;
constexpr unsigned kAarch64Sp = 31;
constexpr unsigned kAarch64Pc = 32;
constexpr unsigned kAarch64LinkRegister = 30;

// The DWARF number of perf's register; the pc has none.
uint8_t dwarf_number(unsigned perf_number, uint8_t machine) {
  if (machine == PGF_AARCH64) {
    return perf_number < kAarch64Pc ? static_cast<uint8_t>(perf_number) : kNoRegister;
  }
  if (perf_number < kX8664.size()) {
    return (machine == PGF_I386 ? kI386 : kX8664)[perf_number];
  }
  const bool extended = machine == PGF_X86_64 && perf_number >= kX86R8 && perf_number < kX86R8 + 8;
  return extended ? static_cast<uint8_t>(perf_number - kX86R8 + 8) : kNoRegister;
}

// A walk on aarch64 needs its stack pointer and pc; x86 has no register of the former's number.
bool is_aarch64(const UserDump& captured) {
  constexpr uint64_t kNeeded = uint64_t{1} << kAarch64Sp | uint64_t{1} << kAarch64Pc;
  if (captured.machine != DumpMachine::kUnknown) return captured.machine == DumpMachine::kAarch64;
  return (captured.register_mask & kNeeded) == kNeeded;
}

uint8_t machine_of(uint64_t abi, bool aarch64) {
  if (aarch64) return PGF_AARCH64;
  return abi == kAbi32 ? PGF_I386 : PGF_X86_64;
}

RegisterNumbers numbers_of(uint8_t machine) {
  switch (machine) {
    case PGF_AARCH64:
      return registers_of(Machine::kAarch64);
    case PGF_I386:
      return registers_of(Machine::kI386);
    default:
      return registers_of(Machine::kX8664);
  }
}

// Returns whether the pc was among them.
bool read_registers(const UserDump& captured, Dump& dump) {
  const unsigned pc_number = dump.frame.machine == PGF_AARCH64 ? kAarch64Pc : kX86Pc;
  bool has_pc = false;
  uint64_t left = captured.register_mask;
  for (const uint64_t value : captured.registers) {
    if (left == 0) break;
    const auto perf_number = static_cast<unsigned>(std::countr_zero(left));
    left &= left - 1;
    const uint8_t number = dwarf_number(perf_number, dump.frame.machine);
    if (number != kNoRegister) {
      dump.memory.registers[number] = value;
      dump.memory.known_registers |= uint32_t{1} << number;
    } else if (perf_number == pc_number) {
      dump.frame.pc = value;
      has_pc = true;
    }
  }
  return has_pc;
}

}  // namespace

std::optional<Dump> read_dump(const UserDump& captured) {
  const bool aarch64 = is_aarch64(captured);
  if (captured.machine == DumpMachine::kOther) return std::nullopt;
  if (captured.abi != kAbi64 && (captured.abi != kAbi32 || aarch64)) return std::nullopt;
  Dump dump;
  dump.memory.word_size = captured.abi == kAbi32 ? 4 : 8;
  dump.frame.machine = machine_of(captured.abi, aarch64);
  const bool has_pc = read_registers(captured, dump);
  const RegisterNumbers numbers = numbers_of(dump.frame.machine);
  const auto known = [&](uint64_t number) {
    return (dump.memory.known_registers >> number & 1) != 0;
  };
  if (!has_pc || !known(numbers.sp)) return std::nullopt;
  dump.frame.sp = dump.memory.registers[numbers.sp];
  const bool wraps_around = dump.frame.sp + captured.stack.size() < dump.frame.sp;
  if (wraps_around) return std::nullopt;
  dump.frame.fp = dump.memory.registers[numbers.fp];
  dump.frame.fp_known = known(numbers.fp) ? 1 : 0;
  if (aarch64) dump.frame.lr = dump.memory.registers[kAarch64LinkRegister];
  dump.frame.exact = PGF_INNERMOST;
  dump.memory.stack_start = dump.frame.sp;
  dump.memory.stack = captured.stack;
  return dump;
}

StackEnd stack_end_of(int walk_end) {
  switch (walk_end) {
    case PGF_END_ROOT:
      return StackEnd::kRoot;
    case PGF_END_UNREADABLE:
      return StackEnd::kUnreadable;
    case PGF_END_TRUNCATED:
      return StackEnd::kTruncated;
    case PGF_END_FRAME_POINTERS:
      return StackEnd::kUnknown;
    case PGF_END_NO_MODULE:
      return StackEnd::kNoModule;
    case PGF_END_BAD_RULE:
      return StackEnd::kBadUnwindInfo;
    case PGF_END_JIT:
      return StackEnd::kRunTimeCode;
    case PGF_END_NO_ROOM:
      return StackEnd::kNoRoom;
    default:
      return StackEnd::kNoUnwindInfo;
  }
}

}  // namespace pgflame::unwind
