// Streams made readable by position: what does not stay small goes to a temporary file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/input/byte_stream.h"

namespace pgflame::input {

// What is left of the stream as a plain file, at most `limit` bytes and half of what is free in
// `folder`; more is an Error. The file has no name: it is gone with the last handle.
Result<ByteStream> spill(ByteStream& stream, uint64_t limit, const std::string& folder);

// All bytes of the stream, held once; more than `limit` is an Error.
Result<std::vector<uint8_t>> read_whole(ByteStream& stream,
                                        uint64_t limit,
                                        const std::string& folder);

}  // namespace pgflame::input
