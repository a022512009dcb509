// Reads a perf.data capture: file, pipe stream or directory.
#pragma once

#include <string>

#include "src/base/error.h"
#include "src/input/byte_stream.h"
#include "src/input/input.h"

namespace pgflame::input {

// A file or pipe stream, recognised by its first bytes.
Result<Opened> read_perf_data(ByteStream stream, const Options& options);

// What `perf record --threads` writes: a folder with the file "data" (header and some records) and
// "data.0", "data.1", ... (records only).
Result<Opened> read_perf_directory(const std::string& path, const Options& options);

}  // namespace pgflame::input
