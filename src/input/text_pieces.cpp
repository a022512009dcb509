#include "src/input/text_pieces.h"

#include <algorithm>

namespace pgflame::input {
namespace {

constexpr size_t kFirstSize = size_t{256} << 10;
constexpr size_t kLargestSize = size_t{2} << 20;

}  // namespace

Result<std::string_view> TextPieces::next() {
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
            buffer_.begin() + static_cast<std::ptrdiff_t>(end_),
            buffer_.begin());
  end_ -= begin_;
  begin_ = 0;
  if (!at_end_) {
    // Small inputs need no large buffer.
    buffer_.resize(std::clamp(buffer_.size() * 2, kFirstSize, kLargestSize));
    const auto got = stream_->read(std::span(buffer_).subspan(end_));
    if (!got) return fail(got.error());
    end_ += *got;
    at_end_ = end_ < buffer_.size();
  }
  const std::string_view held = as_text(Bytes(buffer_).first(end_));
  size_t length = held.size();
  if (!at_end_) {
    auto border = held.rfind(border_);
    size_t border_size = border_.size();
    if (border == std::string_view::npos) {
      border = held.rfind('\n');
      border_size = 1;
    }
    if (border != std::string_view::npos) length = border + border_size;
  }
  begin_ = length;
  return held.substr(0, length);
}

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace pgflame::input
