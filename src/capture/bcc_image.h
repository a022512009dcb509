// Takes what libbpfcc compiled apart into single programs. All functions lie in one section; the
// first, the directory, calls kDirectoryHelper(row, function) for each of them, and they follow it
// in that order, without gaps.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linux/bpf.h>

#include "src/base/error.h"

namespace pgflame::capture {

// No kernel has a helper of this number, and the directory never runs.
inline constexpr int kDirectoryHelper = 0x7fff;

// The source of the directory.
std::string directory_source(std::span<const std::string_view> names);

struct LinkedProgram {
  struct Function {
    uint32_t first_instruction = 0;
    size_t row = 0;  // of the directory
  };
  std::vector<bpf_insn> instructions;
  std::vector<Function> functions;  // the program itself first
};

class BccImage {
 public:
  // The instructions of the directory and those behind it. The last function only marks the end.
  static Result<BccImage> parse(std::vector<bpf_insn> instructions, size_t rows);

  // The program of that row and all functions that it calls, as one piece.
  LinkedProgram link(size_t row) const;

 private:
  std::span<const bpf_insn> function(size_t row) const;
  size_t row_at(size_t instruction) const;
  uint32_t place(size_t row, LinkedProgram& program) const;
  void relocate(LinkedProgram::Function caller, LinkedProgram& program) const;

  std::vector<bpf_insn> instructions_;
  std::vector<size_t> starts_;  // by row, ascending
};

}  // namespace pgflame::capture
