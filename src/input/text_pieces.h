// A text of any length in pieces that end where a record ends.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "src/base/error.h"
#include "src/input/byte_stream.h"

namespace pgflame::input {

class TextPieces {
 public:
  // A piece ends behind the last `border` in the buffer ("\n", or "\n\n" for blocks of lines). A
  // record of more than 16 MiB is cut behind a line.
  TextPieces(ByteStream& stream, std::string_view border) : stream_(&stream), border_(border) {}

  // The next piece, empty at the end. It is valid until the next call.
  Result<std::string_view> next();

 private:
  size_t length_of_piece(std::string_view held) const;

  ByteStream* stream_;
  std::string_view border_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;  // what was not handed out yet
  size_t end_ = 0;
  bool at_end_ = false;
};

// Takes the first line off `text`, without its end ("\n" or "\r\n").
std::string_view take_line(std::string_view& text);

}  // namespace pgflame::input
