// What machine code refers to: calls, jumps, addresses taken, data touched, constants.
#pragma once

#include <cstdint>
#include <vector>

#include "symbolizer/elf_image.h"

namespace pgflame::symbolizer {

struct CodeReference {
  enum class Kind : uint8_t {
    kCall,
    kJump,      // out of the decoded range: a tail call or a jump into a split part
    kBranch,    // the same, conditional
    kAddress,   // an address computed into a register
    kLoad,      // memory at a fixed address, read or written
    kConstant,  // an immediate operand of two bytes or more
    kField,     // the offset of a memory operand that is not on the stack
  };
  Kind kind = Kind::kCall;
  uint64_t target = 0;  // virtual address, or the value of a constant or offset
};

// The references of the code in [start, end), in the order of the instructions. Empty for machines
// that are not decoded.
std::vector<CodeReference> code_references(const ElfImage& image, uint64_t start, uint64_t end);

}  // namespace pgflame::symbolizer
