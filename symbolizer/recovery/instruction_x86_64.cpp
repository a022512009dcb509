// Opcodes and their operands: Intel SDM volume 2, appendix A (opcode maps).
#include "symbolizer/recovery/instruction_x86_64.h"

#include <array>
#include <cstring>

#include <Zydis/Zydis.h>

namespace pgflame::symbolizer {
namespace {

using Flow = Instruction::Flow;

// What follows an opcode.
enum Form : uint8_t {
  kRare,         // not told here
  kBare,         // nothing
  kOperand,      // a ModRM byte
  kOperandByte,  // and an immediate byte
  kOperandWord,  // and an immediate of four bytes
  kWord,         // an immediate of four bytes
  kNear,         // a jump distance of one byte
  kFar,          // of four
};

using Forms = std::array<Form, 256>;

constexpr void fill(Forms& forms, unsigned first, unsigned last, Form form) {
  for (unsigned opcode = first; opcode <= last; ++opcode)
    forms[opcode] = form;
}

constexpr Forms one_byte_forms() {
  Forms forms{};
  for (unsigned arithmetic = 0; arithmetic < 0x40; arithmetic += 8) {
    fill(forms, arithmetic, arithmetic + 3, kOperand);
    forms[arithmetic + 5] = kWord;
  }
  fill(forms, 0x50, 0x5f, kBare);  // PUSH, POP
  forms[0x63] = kOperand;          // MOVSXD
  forms[0x69] = kOperandWord;      // IMUL
  forms[0x6b] = kOperandByte;
  fill(forms, 0x70, 0x7f, kNear);
  forms[0x80] = kOperandByte;
  forms[0x81] = kOperandWord;
  forms[0x83] = kOperandByte;
  fill(forms, 0x84, 0x8b, kOperand);  // TEST, XCHG, MOV
  forms[0x8d] = kOperand;             // LEA
  forms[0xa9] = kWord;                // TEST
  fill(forms, 0xb8, 0xbf, kWord);     // MOV
  forms[0xc3] = kBare;                // RET
  forms[0xe8] = kFar;                 // CALL
  forms[0xe9] = kFar;                 // JMP
  forms[0xeb] = kNear;
  return forms;
}

// Behind 0x0f.
constexpr Forms two_byte_forms() {
  Forms forms{};
  forms[0x10] = forms[0x11] = kOperand;  // MOVUPS
  forms[0x1f] = kOperand;                // NOP
  forms[0x28] = forms[0x29] = kOperand;  // MOVAPS
  fill(forms, 0x40, 0x4f, kOperand);     // CMOVcc
  fill(forms, 0x80, 0x8f, kFar);
  fill(forms, 0x90, 0x9f, kOperand);     // SETcc
  forms[0xaf] = kOperand;                // IMUL
  forms[0xb6] = forms[0xb7] = kOperand;  // MOVZX
  forms[0xbe] = forms[0xbf] = kOperand;  // MOVSX
  return forms;
}

constexpr Forms kOneByte = one_byte_forms();
constexpr Forms kTwoBytes = two_byte_forms();
constexpr std::array<uint8_t, kFar + 1> kImmediateBytes{0, 0, 0, 1, 4, 4, 1, 4};  // by form
constexpr size_t kMostBytes = 16;  // one more than an instruction can have

int64_t signed_at(const uint8_t* at, size_t bytes) {
  if (bytes == 1) return static_cast<int8_t>(*at);
  int32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Reads a ModRM byte and what belongs to it; returns what follows.
const uint8_t* read_operand(const uint8_t* at, bool rex_b, Instruction& into) {
  into.has_operand = true;
  into.mod = *at >> 6;
  into.reg = *at >> 3 & 7;
  into.rm = *at & 7;
  into.base = into.rm;
  ++at;
  if (into.mod != 3 && into.rm == 4) into.base = *at++ & 7;
  const bool fixed = into.mod == 0 && into.base == 5;
  if (rex_b) into.base += 8;
  const size_t bytes = into.mod == 1 ? 1 : into.mod == 2 || fixed ? 4 : 0;
  into.has_displacement = bytes != 0;
  if (bytes != 0) into.displacement = signed_at(at, bytes);
  return at + bytes;
}

// Of instructions with an immediate of four bytes: the forms by which code for fixed addresses, all
// below 2 GB, moves, pushes, adds and compares them. An address is eight bytes wide; what is moved
// to a register may be shorter, for it is extended.
bool may_point(uint8_t opcode, uint8_t reg, bool wide) {
  switch (opcode) {
    case 0x05:  // ADD
    case 0x3d:  // CMP
    case 0xc7:  // MOV
      return wide;
    case 0x81:
      return wide && (reg == 0 || reg == 7);  // ADD, CMP
    case 0x68:                                // PUSH
      return true;
    default:
      return opcode >= 0xb8 && opcode <= 0xbf;  // MOV
  }
}

Flow flow_of(uint8_t opcode) {
  if (opcode == 0xe8) return Flow::kCall;
  return opcode == 0xe9 || opcode == 0xeb ? Flow::kJump : Flow::kBranch;
}

}  // namespace

std::optional<Instruction> read_common_instruction(Code code) {
  if (code.size() < kMostBytes) return std::nullopt;
  const uint8_t* at = code.data();
  const uint8_t rex = (*at & 0xf0) == 0x40 ? *at++ : 0;
  const bool second = *at == 0x0f;
  if (second) ++at;
  const uint8_t opcode = *at++;
  const Form form = (second ? kTwoBytes : kOneByte)[opcode];
  const bool wide_constant = !second && opcode >= 0xb8 && opcode <= 0xbf && (rex & 8) != 0;
  if (form == kRare || wide_constant || (rex != 0 && form >= kNear)) return std::nullopt;
  Instruction found;
  if (form >= kOperand && form <= kOperandWord) at = read_operand(at, (rex & 1) != 0, found);
  found.loads_address = !second && opcode == 0x8d;
  if (found.loads_address && found.mod == 3) return std::nullopt;
  if (form >= kNear) found.flow = second ? Flow::kBranch : flow_of(opcode);
  if (const size_t bytes = kImmediateBytes[form]; bytes != 0) {
    found.immediate = signed_at(at, bytes);
    found.immediate_bits = static_cast<uint8_t>(bytes * 8);
    found.immediate_may_point =
        !second && bytes == 4 && may_point(opcode, found.reg, (rex & 8) != 0);
    at += bytes;
  }
  found.length = static_cast<uint8_t>(at - code.data());
  return found;
}

std::optional<Instruction> read_instruction(Code code) {
  static const ZydisDecoder decoder = [] {
    ZydisDecoder made;
    ZydisDecoderInit(&made, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    ZydisDecoderEnableMode(&made, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
    return made;
  }();
  ZydisDecodedInstruction read;
  if (!ZYAN_SUCCESS(
          ZydisDecoderDecodeInstruction(&decoder, nullptr, code.data(), code.size(), &read))) {
    return std::nullopt;
  }
  Instruction found;
  const auto& raw = read.raw;
  found.length = read.length;
  found.has_operand = (read.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0;
  if (found.has_operand) {
    const bool sib = raw.modrm.mod != 3 && raw.modrm.rm == 4;
    found.mod = raw.modrm.mod;
    found.reg = raw.modrm.reg;
    found.rm = raw.modrm.rm;
    found.base =
        static_cast<uint8_t>((sib ? raw.sib.base : raw.modrm.rm) + (raw.rex.B != 0 ? 8 : 0));
    found.loads_address = read.mnemonic == ZYDIS_MNEMONIC_LEA;
    found.has_displacement = raw.disp.size != 0;
    found.displacement = raw.disp.value;
  }
  found.immediate_bits = raw.imm[0].size;
  found.immediate = raw.imm[0].value.s;
  found.immediate_may_point = read.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT &&
                              found.immediate_bits == 32 &&
                              may_point(read.opcode, raw.modrm.reg, raw.rex.W != 0);
  if (raw.imm[0].is_relative != 0) {
    found.flow = read.mnemonic == ZYDIS_MNEMONIC_CALL  ? Flow::kCall
                 : read.mnemonic == ZYDIS_MNEMONIC_JMP ? Flow::kJump
                                                       : Flow::kBranch;
  }
  return found;
}

}  // namespace pgflame::symbolizer
