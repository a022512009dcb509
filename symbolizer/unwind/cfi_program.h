// Runs the instructions of an FDE and says, for every stretch of its code, where the caller's
// registers are (DWARF 5, section 6.4.2). Only those that unwinding needs are followed: the
// canonical frame address, the frame pointer, the return address and the base register.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>

#include "bpf/unwind_table.h"
#include "symbolizer/unwind/eh_frame.h"
#include "symbolizer/unwind/elf_image.h"

namespace pgflame::unwind {

enum class Saved : uint8_t {
  kUnset,       // the program says nothing
  kUndefined,   // cannot be recovered; for the return address: this is the outermost frame
  kSame,        // still in the register
  kAtCfa,       // in memory at CFA + offset
  kCfaPlus,     // is CFA + offset
  kInRegister,  // in register number `offset`
  kAt,          // in memory at the address that `expression` computes
  kIs,          // is what `expression` computes
};

struct RegisterRule {
  Saved where = Saved::kUnset;
  int64_t offset = 0;
  std::span<const uint8_t> expression;
};

struct FrameRules {
  uint64_t cfa_register = 0;  // when cfa_expression is empty
  int64_t cfa_offset = 0;
  std::span<const uint8_t> cfa_expression;
  RegisterRule fp;
  RegisterRule ra;
  RegisterRule base;
};

// DWARF register numbers.
struct RegisterNumbers {
  uint64_t sp = 7;
  uint64_t fp = 6;
  uint64_t base = PGF_BASE_REGISTER;  // none on aarch64
  uint64_t ra = 16;                   // on aarch64 a register, on x86 the column that stands for it
};
RegisterNumbers registers_of(Machine machine);

class CfiProgram {
 public:
  CfiProgram(const FrameSection& section, const Frames& frames, Machine machine);

  // `start` is where the rules begin to hold: up to the next call's start or where run() says.
  using Emit = std::function<void(uint64_t start, const FrameRules& rules)>;

  // Returns the address up to which the emitted rules hold: the FDE's end, or earlier when its
  // program is broken. Starts never decrease, but those of a hostile program may lie past the end.
  uint64_t run(const Fde& fde, const Emit& emit);

 private:
  const FrameSection& section_;
  const Frames& frames_;
  RegisterNumbers numbers_;
  const std::optional<FrameRules>& initial(uint32_t row);

  // After the initial instructions of each CIE (by row), nothing when they are broken. Run once,
  // however many FDEs share them.
  std::unordered_map<uint32_t, std::optional<FrameRules>> initial_;
};

}  // namespace pgflame::unwind
