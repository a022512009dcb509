// Folded stacks: "outermost;...;innermost count" per line, as stackcollapse, bpftrace and bcc
// write them.
#pragma once

#include <string_view>

#include "src/base/error.h"
#include "src/input/byte_stream.h"
#include "src/input/input.h"

namespace pgflame::input {

// Whether most of the first lines are "frames count".
bool looks_folded(std::string_view start);

// An Error when most lines are none.
Result<Opened> read_folded(ByteStream& stream, const Options& options);

}  // namespace pgflame::input
