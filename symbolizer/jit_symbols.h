// Names of machine code made at run time, as its maker wrote them down.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "symbolizer/function_table.h"

namespace pgflame::symbolizer {

// /tmp/perf-PID.map: "start size name" in hexadecimal, one function a line; later lines replace
// earlier ones they overlap with. Broken lines are left out.
FunctionTable parse_perf_map(std::string text);

// A jitdump file (kernel sources, tools/perf/Documentation/jitdump-specification.txt), as LLVM
// writes it for PostgreSQL's jit_profiling_support.
struct JitDump {
  int32_t pid = 0;
  FunctionTable functions;
};
JitDump parse_jitdump(std::span<const uint8_t> bytes);

}  // namespace pgflame::symbolizer
