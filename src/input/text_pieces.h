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
  // record of more than 16 MiB is cut behind a line. `kept`: how many earlier pieces stay valid.
  TextPieces(ByteStream& stream, std::string_view border, size_t kept = 0)
      : stream_(&stream), border_(border), buffers_(kept + 1) {}

  // The next piece, empty at the end.
  Result<std::string_view> next();

 private:
  std::vector<uint8_t>& next_buffer();
  size_t length_of_piece(std::string_view held) const;

  ByteStream* stream_;
  std::string_view border_;
  std::vector<std::vector<uint8_t>> buffers_;  // in turn
  size_t current_ = 0;
  size_t begin_ = 0;  // what was not handed out yet
  size_t end_ = 0;
  bool at_end_ = false;
};

// Takes the first line off `text`, without its end ("\n" or "\r\n").
std::string_view take_line(std::string_view& text);

}  // namespace pgflame::input
