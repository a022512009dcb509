#include "symbolizer/unwind/frame_index.h"

#include <array>
#include <cstring>

#include "symbolizer/unwind/byte_cursor.h"

namespace pgflame::unwind {
namespace {

uint64_t widened(uint32_t number) {
  return static_cast<uint64_t>(int64_t{static_cast<int32_t>(number)});
}

}  // namespace

std::optional<FrameIndex> FrameIndex::open(const FrameSection& search, const FrameSection& frames) {
  // Linkers write no other encodings: the table is relative to its own section.
  constexpr uint8_t kVersion = 1;
  constexpr uint8_t kFour = 0x03;          // DW_EH_PE_udata4
  constexpr uint8_t kPcFour = 0x1b;        // DW_EH_PE_pcrel | DW_EH_PE_sdata4
  constexpr uint8_t kRelativeFour = 0x3b;  // DW_EH_PE_datarel | DW_EH_PE_sdata4
  ByteCursor cursor(search.bytes);
  const std::array<uint8_t, 4> head{cursor.u8(), cursor.u8(), cursor.u8(), cursor.u8()};
  if (head != std::array{kVersion, kPcFour, kFour, kRelativeFour}) return std::nullopt;
  if (search.address + cursor.position() + widened(cursor.u32()) != frames.address) {
    return std::nullopt;
  }
  const auto rows = cursor.take(cursor.u32() * uint64_t{kRowBytes});
  const FrameIndex index(rows, search.address, frames.address);
  return cursor.ok() && index.is_sorted() ? std::optional(index) : std::nullopt;
}

uint64_t FrameIndex::number_at(size_t row, size_t column) const {
  uint32_t number = 0;
  std::memcpy(&number, rows_.data() + row * kRowBytes + column * sizeof number, sizeof number);
  return widened(number);
}

bool FrameIndex::is_sorted() const {
  for (size_t row = 1; row < size(); ++row) {
    if (start(row) <= start(row - 1)) return false;
  }
  return true;
}

}  // namespace pgflame::unwind
