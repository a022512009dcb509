// Bytes from outside: every read is checked against what is left, nothing else does arithmetic on
// positions.
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace pgflame::input {

using Bytes = std::span<const uint8_t>;

template <std::unsigned_integral T>
constexpr T swap_bytes(T value) {
  if constexpr (sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
}

// Reads numbers, blocks and strings from front to back. A failed take leaves the cursor where it
// was. `swapped`: the writer's byte order is not ours.
class Cursor {
 public:
  Cursor() = default;
  explicit Cursor(Bytes bytes, bool swapped = false) : bytes_(bytes), swapped_(swapped) {}

  size_t remaining() const { return bytes_.size(); }
  bool swapped() const { return swapped_; }
  Bytes rest() const { return bytes_; }

  template <std::unsigned_integral T>
  std::optional<T> take() {
    if (bytes_.size() < sizeof(T)) return std::nullopt;
    T value{};
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
    return swapped_ ? swap_bytes(value) : value;
  }
  std::optional<uint8_t> u8() { return take<uint8_t>(); }
  std::optional<uint16_t> u16() { return take<uint16_t>(); }
  std::optional<uint32_t> u32() { return take<uint32_t>(); }
  std::optional<uint64_t> u64() { return take<uint64_t>(); }

  std::optional<Bytes> take_bytes(uint64_t count) {
    if (bytes_.size() < count) return std::nullopt;
    const Bytes taken = bytes_.first(static_cast<size_t>(count));
    bytes_ = bytes_.subspan(static_cast<size_t>(count));
    return taken;
  }
  // `count` words of 8 bytes, still in the writer's order.
  std::optional<Bytes> take_words(uint64_t count) {
    if (count > bytes_.size() / 8) return std::nullopt;
    return take_bytes(count * 8);
  }
  bool skip(uint64_t count) { return take_bytes(count).has_value(); }

  // Up to the first NUL or the end.
  std::string_view text() const {
    const auto end = std::find(bytes_.begin(), bytes_.end(), uint8_t{0});
    return {reinterpret_cast<const char*>(bytes_.data()),
            static_cast<size_t>(end - bytes_.begin())};
  }

 private:
  Bytes bytes_;
  bool swapped_ = false;
};

// The index-th word of a block of 8-byte words; the caller has checked the block's size.
inline uint64_t word_at(Bytes words, size_t index, bool swapped) {
  uint64_t value = 0;
  std::memcpy(&value, words.subspan(index * 8, 8).data(), 8);
  return swapped ? swap_bytes(value) : value;
}

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace pgflame::input
