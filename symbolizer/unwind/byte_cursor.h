// Reads little-endian numbers from bytes that may be hostile. A read past the end returns 0 and
// makes ok() false for good, so a parser checks once per record instead of once per field.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace pgflame::unwind {

class ByteCursor {
 public:
  explicit ByteCursor(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return position_ == bytes_.size(); }
  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }

  std::span<const uint8_t> rest() const { return bytes_.subspan(position_); }

  uint8_t u8() { return number<uint8_t>(); }
  uint16_t u16() { return number<uint16_t>(); }
  uint32_t u32() { return number<uint32_t>(); }
  uint64_t u64() { return number<uint64_t>(); }

  // Bits beyond the 64th are dropped, as every DWARF reader does.
  uint64_t uleb() {
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const uint8_t byte = u8();
      if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
  }
  int64_t sleb() {
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const uint8_t byte = u8();
      if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) != 0) continue;
      if ((byte & 0x40) != 0 && shift + 7 < 64) value |= ~uint64_t{0} << (shift + 7);
      return static_cast<int64_t>(value);
    }
  }

  std::span<const uint8_t> take(uint64_t count) {
    if (!ok_ || count > remaining()) {
      ok_ = false;
      return {};
    }
    const auto taken = bytes_.subspan(position_, static_cast<size_t>(count));
    position_ += static_cast<size_t>(count);
    return taken;
  }
  void skip(uint64_t count) { take(count); }

  // Up to the next NUL, which is consumed; at most `limit` characters.
  std::string_view text(size_t limit) {
    const size_t start = position_;
    while (position_ - start <= limit) {
      if (u8() == 0) break;
    }
    if (!ok_ || position_ - start > limit + 1 || bytes_[position_ - 1] != 0) {
      ok_ = false;
      return {};
    }
    return {reinterpret_cast<const char*>(bytes_.data()) + start, position_ - start - 1};
  }

 private:
  template <typename Number>
  Number number() {
    Number value = 0;
    const auto raw = take(sizeof value);
    if (ok_) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }

  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace pgflame::unwind
