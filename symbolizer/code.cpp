#include "symbolizer/code.h"

#include <algorithm>
#include <optional>

#include <Zydis/Zydis.h>

namespace pgflame::symbolizer {
namespace {

using Kind = CodeReference::Kind;

// The only operand of x86-64 code that holds a fixed address of a position-independent file is
// relative to the next instruction: the displacement of a memory operand or a branch's immediate.
std::optional<CodeReference> reference_of(const ZydisDecodedInstruction& instruction, uint64_t at) {
  const uint64_t next = at + instruction.length;
  if (instruction.raw.imm[0].is_relative != 0) {
    const uint64_t target = next + static_cast<uint64_t>(instruction.raw.imm[0].value.s);
    const bool call = instruction.meta.category == ZYDIS_CATEGORY_CALL;
    return CodeReference{call ? Kind::kCall : Kind::kJump, at, target};
  }
  const bool has_modrm = (instruction.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0;
  if (!has_modrm || instruction.raw.modrm.mod != 0 || instruction.raw.modrm.rm != 5) {
    return std::nullopt;
  }
  const uint64_t target = next + static_cast<uint64_t>(instruction.raw.disp.value);
  const bool lea = instruction.mnemonic == ZYDIS_MNEMONIC_LEA;
  return CodeReference{lea ? Kind::kAddress : Kind::kLoad, at, target};
}

}  // namespace

std::vector<CodeReference> code_references(const ElfImage& image, uint64_t start, uint64_t end) {
  std::vector<CodeReference> references;
  if (image.machine() != Machine::kX86_64 || end <= start) return references;
  std::span<const uint8_t> code = image.bytes_at(start);
  code = code.first(std::min<uint64_t>(code.size(), end - start));
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_FALSE);
  for (size_t at = 0; at < code.size();) {
    ZydisDecodedInstruction instruction;
    const ZyanStatus status = ZydisDecoderDecodeInstruction(
        &decoder, nullptr, code.data() + at, code.size() - at, &instruction);
    if (!ZYAN_SUCCESS(status)) {
      ++at;
      continue;
    }
    const auto reference = reference_of(instruction, start + at);
    at += instruction.length;
    if (!reference) continue;
    const bool inside = reference->target >= start && reference->target < end;
    if (inside && reference->kind == Kind::kJump) continue;
    references.push_back(*reference);
  }
  return references;
}

}  // namespace pgflame::symbolizer
