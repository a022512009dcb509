// Bytes of protocol buffers on their way into a message: wire types 0 (varint) and 2 (bytes with
// their length in front). Private to the pprof writer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace pgflame::pprof {

class Bytes {
 public:
  void clear() { used_ = 0; }
  std::string_view view() const { return {room_.data(), used_}; }

  void add_varint(uint64_t value) {
    make_room(kLongestVarint);
    char* at = room_.data() + used_;
    for (; value >= 0x80; value >>= 7U)
      *at++ = static_cast<char>(value | 0x80U);
    *at++ = static_cast<char>(value);
    used_ = static_cast<size_t>(at - room_.data());
  }

  void append(std::string_view bytes) {
    make_room(bytes.size());
    used_ += bytes.copy(room_.data() + used_, bytes.size());
  }

  template <typename Field, typename Number>
  void add_number(Field field, Number value) {
    add_varint(static_cast<uint64_t>(field) << 3U);
    add_varint(static_cast<uint64_t>(value));
  }

  template <typename Field>
  void add_bytes(Field field, std::string_view bytes) {
    add_varint(static_cast<uint64_t>(field) << 3U | 2U);
    add_varint(bytes.size());
    append(bytes);
  }

 private:
  static constexpr size_t kLongestVarint = 10;

  void make_room(size_t bytes) {
    if (room_.size() - used_ < bytes) room_.resize(std::max(room_.size() * 2, used_ + bytes));
  }

  std::string room_;  // as long as what it has held
  size_t used_ = 0;
};

}  // namespace pgflame::pprof
