#include <optional>

#include <Zydis/Zydis.h>

#include "symbolizer/recovery/decoders.h"

namespace pgflame::symbolizer {
namespace {

using Kind = CodeReference::Kind;

constexpr uint8_t kStackPointer = 4;  // register number of rsp
constexpr uint8_t kFramePointer = 5;  // of rbp
constexpr uint8_t kNoBase = 5;        // modrm.rm or sib.base with mod 0

CodeReference branch_of(const ZydisDecodedInstruction& instruction, uint64_t next) {
  const uint64_t target = next + static_cast<uint64_t>(instruction.raw.imm[0].value.s);
  switch (instruction.mnemonic) {
    case ZYDIS_MNEMONIC_CALL:
      return {Kind::kCall, target};
    case ZYDIS_MNEMONIC_JMP:
      return {Kind::kJump, target};
    default:
      return {Kind::kBranch, target};
  }
}

// Offsets from the stack or frame pointer say nothing: every compiler lays frames out differently.
std::optional<CodeReference> field_of(const ZydisDecodedInstruction& instruction) {
  const auto& raw = instruction.raw;
  if (raw.disp.size == 0 || raw.modrm.mod == 3 || raw.disp.value < 0x10) return std::nullopt;
  const bool sib = raw.modrm.rm == kStackPointer;
  const auto base =
      static_cast<uint8_t>((sib ? raw.sib.base : raw.modrm.rm) + (raw.rex.B != 0 ? 8 : 0));
  if (base == kStackPointer || base == kFramePointer) return std::nullopt;
  return CodeReference{Kind::kField, static_cast<uint64_t>(raw.disp.value)};
}

std::optional<CodeReference> constant_of(const ZydisDecodedInstruction& instruction) {
  const auto& immediate = instruction.raw.imm[0];
  if (immediate.size < 16) return std::nullopt;
  // Frame sizes and alignments.
  const bool on_stack = instruction.raw.modrm.mod == 3 && instruction.raw.modrm.rm == kStackPointer;
  if (on_stack || immediate.value.u < 0x100) return std::nullopt;
  return CodeReference{Kind::kConstant, immediate.value.u & 0xffffffff};
}

// Position-independent code names fixed addresses relative to the next instruction: by the
// displacement of a memory operand or by a branch's immediate.
void add_references(const ZydisDecodedInstruction& instruction,
                    uint64_t next,
                    std::vector<CodeReference>& references) {
  if (instruction.raw.imm[0].is_relative != 0) {
    references.push_back(branch_of(instruction, next));
    return;
  }
  if ((instruction.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0) {
    const auto& raw = instruction.raw;
    if (raw.modrm.mod == 0 && raw.modrm.rm == kNoBase) {
      const bool lea = instruction.mnemonic == ZYDIS_MNEMONIC_LEA;
      const uint64_t target = next + static_cast<uint64_t>(raw.disp.value);
      references.push_back({lea ? Kind::kAddress : Kind::kLoad, target});
    } else if (const auto field = field_of(instruction)) {
      references.push_back(*field);
    }
  }
  if (const auto constant = constant_of(instruction)) references.push_back(*constant);
}

}  // namespace

std::vector<CodeReference> decode_x86_64(Code code, uint64_t start) {
  std::vector<CodeReference> references;
  references.reserve(code.size() / 8);
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
  for (size_t at = 0; at < code.size();) {
    ZydisDecodedInstruction instruction;
    const ZyanStatus status = ZydisDecoderDecodeInstruction(
        &decoder, nullptr, code.data() + at, code.size() - at, &instruction);
    if (!ZYAN_SUCCESS(status)) {
      ++at;
      continue;
    }
    at += instruction.length;
    const size_t before = references.size();
    add_references(instruction, start + at, references);
    if (references.size() == before) continue;
    const CodeReference& first = references[before];
    const bool jump = first.kind == Kind::kJump || first.kind == Kind::kBranch;
    if (jump && first.target >= start && first.target < start + code.size())
      references.resize(before);
  }
  return references;
}

}  // namespace pgflame::symbolizer
