// An open-addressing index over rows that live elsewhere: maps "a row equal to this" to its number.
// The rows themselves stay in a Table or vector, so interning costs 8 bytes per row and no
// allocation per row. A slot keeps the half of the hash that places it, so that growing reads no
// row.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace pgflame {

class HashIndex {
 public:
  static constexpr uint32_t kAbsent = std::numeric_limits<uint32_t>::max();

  // The number of the row for which `equals(row)` holds among rows with this hash, or kAbsent.
  template <typename Equals>
  uint32_t find(uint64_t hash, Equals&& equals) const {
    if (slots_.empty()) return kAbsent;
    const auto tag = static_cast<uint32_t>(hash);
    for (size_t at = tag & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.row == kAbsent) return kAbsent;
      if (slot.tag == tag && equals(slot.row)) return slot.row;
    }
  }

  // Adds a row that find() did not find, or that cannot be there.
  void insert(uint64_t hash, uint32_t row) {
    if ((used_ + 1) * 2 > slots_.size()) grow();
    place({static_cast<uint32_t>(hash), row});
    ++used_;
  }

  size_t size() const { return used_; }

 private:
  struct Slot {
    uint32_t tag = 0;
    uint32_t row = kAbsent;
  };

  size_t mask() const { return slots_.size() - 1; }

  void place(Slot slot) {
    size_t at = slot.tag & mask();
    while (slots_[at].row != kAbsent)
      at = (at + 1) & mask();
    slots_[at] = slot;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.row != kAbsent) place(slot);
    }
  }

  std::vector<Slot> slots_;
  size_t used_ = 0;
};

// Mixes 64 bits into a running hash (murmur3 finaliser over a multiply-xor).
inline uint64_t hash_mix(uint64_t seed, uint64_t value) {
  uint64_t h = (seed ^ value) * 0x9e3779b97f4a7c15ULL;
  h ^= h >> 32;
  h *= 0xff51afd7ed558ccdULL;
  return h ^ (h >> 29);
}

uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0);

}  // namespace pgflame
