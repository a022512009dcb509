// Maps as bpftrace prints them, with stacks in their keys:
//
//   @[
//       ExecScan+301
//       main+534
//   , postgres, 4711]: 12
//
// Keys may have a user stack, a kernel stack, both or none, a comm and a pid, in any order
// (docs/reference of bpftrace: kstack, ustack; also their mode "perf"). Values are whole numbers
// (count, sum); entries with others (hist, stats) are counted as broken.
#pragma once

#include <string_view>

#include "src/base/error.h"
#include "src/input/byte_stream.h"
#include "src/input/input.h"

namespace pgflame::input {

bool looks_like_bpftrace(std::string_view start);

// Each map is an event; the first one with stacks is taken unless the user wants another.
Result<Opened> read_bpftrace(ByteStream& stream, const Options& options);

}  // namespace pgflame::input
