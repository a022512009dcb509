#include "src/input/text_pieces.h"

#include <algorithm>

namespace pgflame::input {
namespace {

constexpr size_t kFirstSize = size_t{256} << 10;
constexpr size_t kLargestSize = size_t{2} << 20;
constexpr size_t kLongestRecord = size_t{16} << 20;

}  // namespace

Result<std::string_view> TextPieces::next() {
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
            buffer_.begin() + static_cast<std::ptrdiff_t>(end_),
            buffer_.begin());
  end_ -= begin_;
  begin_ = 0;
  // Small inputs need no large buffer.
  size_t wanted = std::clamp(buffer_.size() * 2, kFirstSize, kLargestSize);
  for (;;) {
    if (!at_end_) {
      buffer_.resize(std::max(wanted, buffer_.size()));
      const auto got = stream_->read(std::span(buffer_).subspan(end_));
      if (!got) return fail(got.error());
      end_ += *got;
      at_end_ = end_ < buffer_.size();
    }
    const std::string_view held = as_text(Bytes(buffer_).first(end_));
    const size_t length = length_of_piece(held);
    wanted = buffer_.size() * 2;
    if (length == 0 && !at_end_ && wanted <= kLongestRecord) continue;
    begin_ = length != 0 ? length : held.size();
    return held.substr(0, begin_);
  }
}

// 0 when the record at the end goes on behind the buffer and is the only one.
size_t TextPieces::length_of_piece(std::string_view held) const {
  if (at_end_) return held.size();
  const auto border = held.rfind(border_);
  if (border != std::string_view::npos) return border + border_.size();
  if (buffer_.size() < kLongestRecord) return 0;
  const auto line = held.rfind('\n');
  return line == std::string_view::npos ? 0 : line + 1;
}

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace pgflame::input
