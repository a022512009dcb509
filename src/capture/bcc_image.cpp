#include "src/capture/bcc_image.h"

#include <algorithm>

#include <fmt/format.h>

namespace pgflame::capture {
namespace {

constexpr uint8_t kLoadWide = BPF_LD | BPF_DW;
constexpr uint8_t kMove = BPF_ALU64 | BPF_MOV | BPF_K;
constexpr uint8_t kCall = BPF_JMP | BPF_CALL;
constexpr int32_t kInstructionBytes = sizeof(bpf_insn);

bool is_call_of_function(const bpf_insn& instruction) {
  return instruction.code == kCall && instruction.src_reg == BPF_PSEUDO_CALL;
}

// A callback: its address is its place in the section. Numbers this small need no wide load.
bool loads_function(std::span<const bpf_insn, 2> halves) {
  return halves[0].code == kLoadWide && halves[0].src_reg == 0 && halves[0].imm > 0 &&
         halves[1].imm == 0;
}

}  // namespace

std::string directory_source(std::span<const std::string_view> names) {
  std::string text = fmt::format(
      "static long (*note)(u64 row, void* function) = (void*){};\nint image(void* ctx) {{\n",
      kDirectoryHelper);
  for (size_t row = 0; row < names.size(); ++row)
    text += fmt::format("  note({}, {});\n", row, names[row]);
  return text + "  return 0;\n}\n";
}

Result<BccImage> BccImage::parse(std::vector<bpf_insn> instructions, size_t rows) {
  BccImage image;
  size_t start = 0;
  for (const bpf_insn& instruction : instructions) {
    if (instruction.code == (BPF_JMP | BPF_EXIT)) break;
    if (instruction.code == kLoadWide && instruction.dst_reg == BPF_REG_2)
      start = static_cast<size_t>(instruction.imm / kInstructionBytes);
    if (instruction.code == kCall && instruction.imm == kDirectoryHelper)
      image.starts_.push_back(start);
  }
  const bool complete = image.starts_.size() == rows && rows > 0 &&
                        image.starts_.back() <= instructions.size() &&
                        std::ranges::is_sorted(image.starts_, std::ranges::less_equal());
  if (!complete) {
    return fail(ErrorKind::kUnsupported,
                "the compiled BPF programs are not laid out as expected",
                "this is a bug or an unknown version of libbpfcc; use --sampler perf");
  }
  instructions.resize(image.starts_.back());
  image.instructions_ = std::move(instructions);
  return image;
}

std::span<const bpf_insn> BccImage::function(size_t row) const {
  const size_t end = row + 1 < starts_.size() ? starts_[row + 1] : instructions_.size();
  return std::span(instructions_).subspan(starts_[row], end - starts_[row]);
}

size_t BccImage::row_at(size_t instruction) const {
  return static_cast<size_t>(std::ranges::lower_bound(starts_, instruction) - starts_.begin());
}

uint32_t BccImage::place(size_t row, LinkedProgram& program) const {
  const auto known = std::ranges::find(program.functions, row, &LinkedProgram::Function::row);
  if (known != program.functions.end()) return known->first_instruction;
  const auto first = static_cast<uint32_t>(program.instructions.size());
  const auto code = function(row);
  program.instructions.insert(program.instructions.end(), code.begin(), code.end());
  program.functions.push_back({first, row});
  return first;
}

// Calls and callbacks name a function by its distance.
void BccImage::relocate(LinkedProgram::Function caller, LinkedProgram& program) const {
  const size_t end = caller.first_instruction + function(caller.row).size();
  const auto distance = [&](size_t from, int64_t place_in_image) {
    const uint32_t to = place(row_at(static_cast<size_t>(place_in_image)), program);
    return static_cast<int32_t>(to) - static_cast<int32_t>(from) - 1;
  };
  for (size_t here = caller.first_instruction; here < end; ++here) {
    const bpf_insn old = program.instructions[here];
    if (is_call_of_function(old)) {
      const auto in_image =
          static_cast<int64_t>(starts_[caller.row] + here - caller.first_instruction);
      const int32_t to = distance(here, in_image + 1 + old.imm);
      program.instructions[here].imm = to;
    } else if (old.code == kLoadWide) {
      if (loads_function(std::span<const bpf_insn, 2>(&program.instructions[here], 2))) {
        const int32_t to = distance(here, old.imm / kInstructionBytes);
        program.instructions[here].imm = to;
        program.instructions[here].src_reg = BPF_PSEUDO_FUNC;
      }
      ++here;  // its second half
    }
  }
}

LinkedProgram BccImage::link(size_t row) const {
  LinkedProgram program;
  place(row, program);
  for (size_t i = 0; i < program.functions.size(); ++i)  // grows on the way
    relocate(program.functions[i], program);
  return program;
}

}  // namespace pgflame::capture
