// One x86-64 instruction, as far as references are concerned. Private to recovery/*x86_64.cpp.
#pragma once

#include <cstdint>
#include <optional>

#include "symbolizer/recovery/decoders.h"

namespace pgflame::symbolizer {

struct Instruction {
  enum class Flow : uint8_t { kNone, kCall, kJump, kBranch };
  uint8_t length = 0;
  Flow flow = Flow::kNone;     // to `immediate` bytes behind the instruction
  bool has_operand = false;    // a ModRM byte: the next six are of it and what follows
  bool loads_address = false;  // LEA
  uint8_t mod = 0;
  uint8_t reg = 0;  // a register's number, or a part of the opcode
  uint8_t rm = 0;
  uint8_t base = 0;  // register, from the SIB byte if there is one
  bool has_displacement = false;
  int64_t displacement = 0;
  uint8_t immediate_bits = 0;  // 0: there is none
  int64_t immediate = 0;
  bool immediate_may_point = false;  // it is moved, pushed, added or compared, as addresses are

  friend bool operator==(const Instruction&, const Instruction&) = default;
};

// The forms that make up most of compiled code, with less work than the full decoder's. Nothing for
// any other: ask read_instruction.
std::optional<Instruction> read_common_instruction(Code code);

// By Zydis. Nothing when the bytes are no instruction.
std::optional<Instruction> read_instruction(Code code);

}  // namespace pgflame::symbolizer
