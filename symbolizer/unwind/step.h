// The walker's step (bpf/unwind_step.h) for C++: registers and memory come from a captured dump.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "src/profile/user_stack.h"
#include "symbolizer/unwind/rule.h"

namespace pgflame::unwind {

// What was captured of one thread, as the step reads it.
struct DumpMemory {
  uint64_t stack_start = 0;
  std::span<const uint8_t> stack;
  uint8_t word_size = 8;                 // or 4
  std::array<uint64_t, 32> registers{};  // by DWARF number
  uint32_t known_registers = 0;          // bit n: registers[n] was captured
};

}  // namespace pgflame::unwind

inline int pgf_read_word(void* memory, __u64 address, __u64* value) {
  const auto& dump = *static_cast<const pgflame::unwind::DumpMemory*>(memory);
  if (address < dump.stack_start) return -1;
  const uint64_t offset = address - dump.stack_start;
  if (offset > dump.stack.size() || dump.stack.size() - offset < dump.word_size) return -1;
  if (dump.word_size == sizeof(uint32_t)) {
    uint32_t word = 0;
    std::memcpy(&word, dump.stack.data() + offset, sizeof word);
    *value = word;
  } else {
    std::memcpy(value, dump.stack.data() + offset, sizeof *value);
  }
  return 0;
}

inline int pgf_read_pair(void* memory, __u64 address, __u64* values) {
  const int failed = pgf_read_word(memory, address, &values[0]);
  return failed != 0 ? failed : pgf_read_word(memory, address + 8, &values[1]);
}

int pgf_read_register(void* memory, unsigned number, __u64* value);
#define PGF_STEP_INLINE inline
#include "bpf/unwind_step.h"

namespace pgflame::unwind {

struct Dump {
  DumpMemory memory;
  pgf_frame frame{};
};

// Nothing when the dump lacks the registers that a walk starts from, lies at the very end of all
// addresses, where no stack is, or is of a processor whose stacks are not walked here.
std::optional<Dump> read_dump(const UserDump& captured);

StackEnd stack_end_of(int walk_end);  // enum pgf_unwind_end

}  // namespace pgflame::unwind
