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
  // How many bytes of a text are whole records; 0 where its first one may go on behind it.
  using WholeRecords = size_t (*)(std::string_view text);

  // A record of more than 16 MiB is cut behind a line. `kept`: how many earlier pieces stay valid.
  TextPieces(ByteStream& stream, WholeRecords whole_records, size_t kept = 0)
      : stream_(&stream), whole_records_(whole_records), buffers_(kept + 1) {}

  // The next piece, empty at the end.
  Result<std::string_view> next();

 private:
  std::vector<uint8_t>& next_buffer();
  size_t length_of_piece(std::string_view held) const;

  ByteStream* stream_;
  WholeRecords whole_records_;
  std::vector<std::vector<uint8_t>> buffers_;  // in turn
  size_t current_ = 0;
  size_t begin_ = 0;  // what was not handed out yet
  size_t end_ = 0;
  bool at_end_ = false;
};

// Of records that are lines.
size_t whole_lines(std::string_view text);

// Takes the first line off `text`, without its end ("\n" or "\r\n").
std::string_view take_line(std::string_view& text);

}  // namespace pgflame::input
