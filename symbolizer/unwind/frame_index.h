// The table in .eh_frame_hdr by which unwinders search .eh_frame (Linux Standard Base, "The
// .eh_frame_hdr section"), read in place. Whether it is true, only .eh_frame tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "symbolizer/unwind/eh_frame.h"

namespace pgflame::unwind {

// Sorted by start, without duplicates.
class FrameIndex {
 public:
  // Nothing when it is of another section or not as linkers write it.
  static std::optional<FrameIndex> open(const FrameSection& search, const FrameSection& frames);

  size_t size() const { return rows_.size() / kRowBytes; }
  // The virtual address where the function of a row begins.
  uint64_t start(size_t row) const { return search_address_ + number_at(row, 0); }
  // Where its FDE is in .eh_frame.
  uint64_t offset(size_t row) const {
    return search_address_ + number_at(row, 1) - frames_address_;
  }

 private:
  static constexpr size_t kRowBytes = 8;

  FrameIndex(std::span<const uint8_t> rows, uint64_t search_address, uint64_t frames_address)
      : rows_(rows), search_address_(search_address), frames_address_(frames_address) {}
  uint64_t number_at(size_t row, size_t column) const;
  bool is_sorted() const;

  std::span<const uint8_t> rows_;
  uint64_t search_address_ = 0;
  uint64_t frames_address_ = 0;
};

}  // namespace pgflame::unwind
