#include <optional>

#include "symbolizer/recovery/decoders.h"
#include "symbolizer/recovery/instruction_x86_64.h"

namespace pgflame::symbolizer {
namespace {

using Kind = CodeReference::Kind;
using Flow = Instruction::Flow;

constexpr uint8_t kStackPointer = 4;  // register number of rsp
constexpr uint8_t kFramePointer = 5;  // of rbp
constexpr uint8_t kNoBase = 5;        // rm with mod 0

Kind kind_of(Flow flow) {
  if (flow == Flow::kCall) return Kind::kCall;
  return flow == Flow::kJump ? Kind::kJump : Kind::kBranch;
}

// Code for fixed addresses also names data by the displacement from a register, which is an index
// then, and takes addresses by immediates.
std::optional<uint64_t> fixed_operand_of(const ElfImage& image, const Instruction& instruction) {
  const auto address = static_cast<uint64_t>(instruction.displacement);
  const bool used = instruction.has_displacement && instruction.mod != 3;
  return used && image.is_fixed_address(address) ? std::optional(address) : std::nullopt;
}

std::optional<uint64_t> fixed_immediate_of(const ElfImage& image, const Instruction& instruction) {
  const auto address = static_cast<uint64_t>(instruction.immediate);
  const bool used = instruction.immediate_may_point && image.is_fixed_address(address);
  return used ? std::optional(address) : std::nullopt;
}

// Offsets from the stack or frame pointer say nothing: every compiler lays frames out differently.
std::optional<CodeReference> field_of(const Instruction& instruction) {
  if (!instruction.has_displacement || instruction.mod == 3 || instruction.displacement < 0x10)
    return std::nullopt;
  if (instruction.base == kStackPointer || instruction.base == kFramePointer) return std::nullopt;
  return CodeReference{Kind::kField, static_cast<uint64_t>(instruction.displacement)};
}

std::optional<CodeReference> constant_of(const Instruction& instruction) {
  if (instruction.immediate_bits < 16) return std::nullopt;
  const auto value = static_cast<uint64_t>(instruction.immediate);
  // Frame sizes and alignments.
  const bool on_stack =
      instruction.has_operand && instruction.mod == 3 && instruction.rm == kStackPointer;
  if (on_stack || value < 0x100) return std::nullopt;
  return CodeReference{Kind::kConstant, value & 0xffffffff};
}

// Position-independent code names fixed addresses relative to the next instruction: by the
// displacement of a memory operand or by a branch's immediate.
void add_references(const ElfImage& image,
                    const Instruction& instruction,
                    uint64_t next,
                    std::vector<CodeReference>& references) {
  if (instruction.flow != Flow::kNone) {
    references.push_back(
        {kind_of(instruction.flow), next + static_cast<uint64_t>(instruction.immediate)});
    return;
  }
  if (instruction.has_operand && instruction.mod == 0 && instruction.rm == kNoBase) {
    const uint64_t target = next + static_cast<uint64_t>(instruction.displacement);
    references.push_back({instruction.loads_address ? Kind::kAddress : Kind::kLoad, target});
  } else if (const auto data = fixed_operand_of(image, instruction)) {
    references.push_back({Kind::kLoad, *data});
  } else if (const auto field = field_of(instruction)) {
    references.push_back(*field);
  }
  if (const auto address = fixed_immediate_of(image, instruction)) {
    references.push_back({Kind::kAddress, *address});
  } else if (const auto constant = constant_of(instruction)) {
    references.push_back(*constant);
  }
}

}  // namespace

std::vector<CodeReference> decode_x86_64(const ElfImage& image, Code code, uint64_t start) {
  std::vector<CodeReference> references;
  references.reserve(code.size() / 8);
  for (size_t at = 0; at < code.size();) {
    auto instruction = read_common_instruction(code.subspan(at));
    if (!instruction) instruction = read_instruction(code.subspan(at));
    if (!instruction) {
      ++at;
      continue;
    }
    at += instruction->length;
    const size_t before = references.size();
    add_references(image, *instruction, start + at, references);
    if (references.size() == before) continue;
    const CodeReference& first = references[before];
    const bool jump = first.kind == Kind::kJump || first.kind == Kind::kBranch;
    if (jump && first.target >= start && first.target < start + code.size())
      references.resize(before);
  }
  return references;
}

}  // namespace pgflame::symbolizer
