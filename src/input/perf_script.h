// The text that `perf script` prints and people paste.
#pragma once

#include "src/base/error.h"
#include "src/input/byte_stream.h"
#include "src/input/input.h"

namespace pgflame::input {

Result<Opened> read_perf_script(ByteStream& stream, const Options& options);

}  // namespace pgflame::input
