// Every instruction of A64 is four bytes wide; the few that matter here are told by their fixed
// bits (Arm Architecture Reference Manual for A-profile, C4.1).
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "symbolizer/recovery/decoders.h"

namespace pgflame::symbolizer {
namespace {

using Kind = CodeReference::Kind;

constexpr uint32_t kStackPointer = 31;  // as a base register
constexpr uint32_t kFramePointer = 29;
constexpr uint64_t kLeastConstant = 0x100;  // smaller ones are everywhere
constexpr uint64_t kLeastField = 0x10;

constexpr uint32_t bits(uint32_t word, unsigned low, unsigned count) {
  return word >> low & ((1U << count) - 1);
}

constexpr uint64_t sign_extended(uint64_t value, unsigned width) {
  const uint64_t sign = uint64_t{1} << (width - 1);
  return (value ^ sign) - sign;
}

// The mask that AND, ORR, EOR and ANDS (immediate) encode as a rotated run of ones.
std::optional<uint64_t> logical_mask(uint32_t word) {
  const uint32_t rotation = bits(word, 16, 6);
  const uint32_t ones = bits(word, 10, 6);
  const uint32_t pattern = bits(word, 22, 1) << 6 | (~ones & 0x3f);
  if (pattern < 2) return std::nullopt;
  const unsigned size = std::bit_floor(pattern);
  const unsigned count = (ones & (size - 1)) + 1;
  if (count == size) return std::nullopt;
  const uint64_t all = size == 64 ? UINT64_MAX : (uint64_t{1} << size) - 1;
  const unsigned turn = rotation & (size - 1);
  const uint64_t run = (uint64_t{1} << count) - 1;
  uint64_t mask = turn == 0 ? run : (run >> turn | run << (size - turn)) & all;
  for (unsigned width = size; width < 64; width *= 2)
    mask |= mask << width;
  return mask;
}

class Reader {
 public:
  Reader(Code code, uint64_t start) : code_(code), start_(start) {}

  std::vector<CodeReference> read() && {
    for (size_t at = 0; at + 4 <= code_.size(); at += 4) {
      uint32_t word = 0;
      std::memcpy(&word, code_.data() + at, sizeof word);
      read(word, start_ + at);
    }
    return std::move(references_);
  }

 private:
  // What is known of a register: the 4 KiB page that ADRP put there, or the constant that MOVZ
  // began and MOVK completes.
  struct Register {
    std::optional<uint64_t> page;
    std::optional<size_t> constant;  // row of references_
  };

  void read(uint32_t word, uint64_t address) {
    if (read_branch(word, address)) return;
    const uint32_t target = bits(word, 0, 5);
    const uint32_t base = bits(word, 5, 5);
    if ((word & 0x1f000000) == 0x10000000) {
      read_page(word, address, target);
    } else if ((word & 0x1f800000) == 0x11000000) {
      read_add(word, target, base);
    } else if ((word & 0x1f800000) == 0x12800000) {
      read_move(word, target);
    } else if ((word & 0x1f800000) == 0x12000000) {
      registers_[target] = {};
      if (const auto mask = logical_mask(word)) add_constant(*mask);
    } else if ((word & 0x3b000000) == 0x39000000) {
      read_access(word, base, scaled_offset(word));
    } else if ((word & 0x3b200c00) == 0x38000000) {
      read_access(word, base, sign_extended(bits(word, 12, 9), 9));
    } else if ((word & 0x3a000000) == 0x28000000) {
      read_pair(word, base);
    } else {
      registers_[target] = {};
    }
  }

  // B, BL; B.cond, CBZ, CBNZ; TBZ, TBNZ.
  bool read_branch(uint32_t word, uint64_t address) {
    const auto to = [&](unsigned low, unsigned count) {
      return address + (sign_extended(bits(word, low, count), count) << 2);
    };
    if ((word & 0x7c000000) == 0x14000000) {
      const bool call = (word & 0x80000000) != 0;
      add_branch(call ? Kind::kCall : Kind::kJump, to(0, 26));
      if (call) registers_ = {};
      return true;
    }
    if ((word & 0xff000010) == 0x54000000 || (word & 0x7e000000) == 0x34000000) {
      add_branch(Kind::kBranch, to(5, 19));
      return true;
    }
    if ((word & 0x7e000000) != 0x36000000) return false;
    add_branch(Kind::kBranch, to(5, 14));
    return true;
  }

  void add_branch(Kind kind, uint64_t target) {
    const bool inside = target >= start_ && target < start_ + code_.size();
    if (kind == Kind::kCall || !inside) references_.push_back({kind, target});
  }

  // ADR, ADRP.
  void read_page(uint32_t word, uint64_t address, uint32_t target) {
    registers_[target] = {};
    const uint64_t offset = sign_extended(uint64_t{bits(word, 5, 19)} << 2 | bits(word, 29, 2), 21);
    if ((word & 0x80000000) != 0) {
      registers_[target].page = (address & ~uint64_t{0xfff}) + (offset << 12);
    } else {
      references_.push_back({Kind::kAddress, address + offset});
    }
  }

  // ADD, SUB, CMP (immediate).
  void read_add(uint32_t word, uint32_t target, uint32_t base) {
    const bool wide = (word & 0x80000000) != 0;
    const bool subtracts = (word & 0x40000000) != 0;
    const bool compares = (word & 0x20000000) != 0;
    const uint64_t value = uint64_t{bits(word, 10, 12)} << (bits(word, 22, 1) * 12);
    const auto page = registers_[base].page;
    if (!compares || target != kStackPointer) registers_[target] = {};
    if (page && wide && !subtracts) {
      references_.push_back({Kind::kAddress, *page + value});
    } else if (wide && !subtracts && !compares) {
      add_field(base, value);
    } else if (base != kStackPointer && base != kFramePointer) {
      add_constant(value);
    }
  }

  // MOVN, MOVZ, MOVK.
  void read_move(uint32_t word, uint32_t target) {
    const uint64_t value = uint64_t{bits(word, 5, 16)} << (bits(word, 21, 2) * 16);
    const uint32_t kind = bits(word, 29, 2);
    if (kind == 3) {
      if (const auto row = registers_[target].constant)
        references_[*row].target |= value & 0xffffffff;
      return;
    }
    registers_[target] = {};
    if (kind == 0) return add_constant(~value);
    // The upper half may follow, so that a small lower half counts too.
    registers_[target].constant = references_.size();
    references_.push_back({Kind::kConstant, value & 0xffffffff});
  }

  static uint64_t scaled_offset(uint32_t word) {
    const bool vector = (word & 0x04000000) != 0;
    const unsigned scale = bits(word, 30, 2) + (vector && (word & 0x00800000) != 0 ? 4 : 0);
    return uint64_t{bits(word, 10, 12)} << scale;
  }

  // LDR, STR and their like with an immediate offset.
  void read_access(uint32_t word, uint32_t base, uint64_t offset) {
    const auto page = registers_[base].page;
    const bool loads = bits(word, 22, 2) != 0 && (word & 0x04000000) == 0;
    if (loads) registers_[bits(word, 0, 5)] = {};
    if (page) {
      references_.push_back({Kind::kLoad, *page + offset});
    } else {
      add_field(base, offset);
    }
  }

  // LDP, STP: two fields.
  void read_pair(uint32_t word, uint32_t base) {
    const bool vector = (word & 0x04000000) != 0;
    const unsigned scale = vector ? 2 + bits(word, 30, 2) : 2 + bits(word, 31, 1);
    const uint64_t offset = sign_extended(bits(word, 15, 7), 7) << scale;
    if ((word & 0x00400000) != 0 && !vector) {
      registers_[bits(word, 0, 5)] = {};
      registers_[bits(word, 10, 5)] = {};
    }
    add_field(base, offset);
    add_field(base, offset + (uint64_t{1} << scale));
  }

  void add_field(uint32_t base, uint64_t offset) {
    if (base == kStackPointer || base == kFramePointer) return;
    if (static_cast<int64_t>(offset) < static_cast<int64_t>(kLeastField)) return;
    references_.push_back({Kind::kField, offset});
  }

  void add_constant(uint64_t value) {
    if (value >= kLeastConstant) references_.push_back({Kind::kConstant, value & 0xffffffff});
  }

  Code code_;
  uint64_t start_;
  std::array<Register, 32> registers_{};
  std::vector<CodeReference> references_;
};

}  // namespace

std::vector<CodeReference> decode_aarch64(Code code, uint64_t start) {
  std::vector<CodeReference> references = Reader(code, start).read();
  // Halves of constants that stayed small.
  std::erase_if(references, [](const CodeReference& reference) {
    return reference.kind == Kind::kConstant && reference.target < kLeastConstant;
  });
  return references;
}

}  // namespace pgflame::symbolizer
