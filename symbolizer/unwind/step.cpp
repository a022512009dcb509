#include "symbolizer/unwind/step.h"

#include <bit>
#include <cstring>

using pgflame::unwind::DumpMemory;

int pgf_read_word(void* memory, __u64 address, __u64* value) {
  const auto& dump = *static_cast<const DumpMemory*>(memory);
  if (address < dump.stack_start) return -1;
  const uint64_t offset = address - dump.stack_start;
  if (offset > dump.stack.size() || dump.stack.size() - offset < dump.word_size) return -1;
  *value = 0;  // a 32-bit word fills the low half
  std::memcpy(value, dump.stack.data() + offset, dump.word_size);
  return 0;
}

int pgf_read_pair(void* memory, __u64 address, __u64* values) {
  const int failed = pgf_read_word(memory, address, &values[0]);
  return failed != 0 ? failed : pgf_read_word(memory, address + 8, &values[1]);
}

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
constexpr unsigned kAarch64Pc = 32;

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

}  // namespace

std::optional<Dump> read_dump(const UserDump& captured, bool aarch64) {
  if (captured.abi != kAbi64 && captured.abi != kAbi32) return std::nullopt;
  if (aarch64 && captured.abi == kAbi32) return std::nullopt;
  Dump dump;
  dump.frame.machine = captured.abi == kAbi32 ? PGF_I386 : aarch64 ? PGF_AARCH64 : PGF_X86_64;
  dump.memory.word_size = captured.abi == kAbi32 ? 4 : 8;
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
    } else if (perf_number == (aarch64 ? kAarch64Pc : kX86Pc)) {
      dump.frame.pc = value;
      has_pc = true;
    }
  }
  const Machine machine = aarch64                          ? Machine::kAarch64
                          : dump.frame.machine == PGF_I386 ? Machine::kI386
                                                           : Machine::kX8664;
  const RegisterNumbers numbers = registers_of(machine);
  __u64 fp = 0;
  __u64 lr = 0;
  if (!has_pc ||
      pgf_read_register(&dump.memory, static_cast<unsigned>(numbers.sp), &dump.frame.sp)) {
    return std::nullopt;
  }
  dump.frame.fp_known =
      pgf_read_register(&dump.memory, static_cast<unsigned>(numbers.fp), &fp) == 0 ? 1 : 0;
  dump.frame.fp = fp;
  if (aarch64 && pgf_read_register(&dump.memory, 30, &lr) == 0) dump.frame.lr = lr;
  dump.frame.exact = 1;
  dump.memory.stack_start = dump.frame.sp;
  dump.memory.stack = captured.stack;
  return dump;
}

StackEnd stack_end_of(int walk_end) {
  switch (walk_end) {
    case PGF_END_ROOT:
      return StackEnd::kRoot;
    case PGF_END_NO_STACK:
      return StackEnd::kNoStack;
    case PGF_END_UNREADABLE:
      return StackEnd::kUnreadable;
    case PGF_END_TRUNCATED:
      return StackEnd::kTruncated;
    case PGF_END_FRAME_POINTERS:
      return StackEnd::kUnknown;
    default:
      return StackEnd::kNoUnwindInfo;
  }
}

}  // namespace pgflame::unwind
