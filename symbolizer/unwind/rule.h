// Frame rules in the compact form of bpf/unwind_table.h.
#pragma once

#include "bpf/unwind_table.h"
#include "symbolizer/unwind/cfi_program.h"

namespace pgflame::unwind {

using Rule = pgf_unwind_rule;
using Row = pgf_unwind_row;

// Normalised: what a walk does not need to know is zero, so that equal rules have equal bytes.
Rule compile_rule(const FrameRules& rules, Machine machine, bool signal_frame);

}  // namespace pgflame::unwind
