#include "src/input/text_pieces.h"

#include <algorithm>

namespace pgflame::input {
namespace {

constexpr size_t kFirstSize = size_t{256} << 10;
constexpr size_t kLargestSize = size_t{2} << 20;
constexpr size_t kLongestRecord = size_t{16} << 20;

}  // namespace

// What is left of the piece before stands at its beginning.
std::vector<uint8_t>& TextPieces::next_buffer() {
  const std::vector<uint8_t>& last = buffers_[current_];
  // Small inputs need no large buffer.
  const size_t wanted = std::clamp(last.size() * 2, kFirstSize, kLargestSize);
  current_ = (current_ + 1) % buffers_.size();
  std::vector<uint8_t>& buffer = buffers_[current_];
  buffer.resize(std::max({buffer.size(), end_ - begin_, at_end_ ? 0 : wanted}));
  std::copy(last.begin() + static_cast<std::ptrdiff_t>(begin_),
            last.begin() + static_cast<std::ptrdiff_t>(end_),
            buffer.begin());
  end_ -= begin_;
  begin_ = 0;
  return buffer;
}

Result<std::string_view> TextPieces::next() {
  std::vector<uint8_t>& buffer = next_buffer();
  for (;;) {
    if (!at_end_) {
      const auto got = stream_->read(std::span(buffer).subspan(end_));
      if (!got) return fail(got.error());
      end_ += *got;
      at_end_ = end_ < buffer.size();
    }
    const std::string_view held = as_text(Bytes(buffer).first(end_));
    const size_t length = length_of_piece(held);
    const size_t wanted = buffer.size() * 2;
    if (length == 0 && !at_end_ && wanted <= kLongestRecord) {
      buffer.resize(wanted);
      continue;
    }
    begin_ = length != 0 ? length : held.size();
    return held.substr(0, begin_);
  }
}

// 0 when the record at the end goes on behind the buffer and is the only one.
size_t TextPieces::length_of_piece(std::string_view held) const {
  if (at_end_) return held.size();
  if (const size_t whole = whole_records_(held); whole != 0) return whole;
  return buffers_[current_].size() < kLongestRecord ? 0 : whole_lines(held);
}

size_t whole_lines(std::string_view text) {
  const auto end = text.rfind('\n');
  return end == std::string_view::npos ? 0 : end + 1;
}

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace pgflame::input
