// The symbol tables of an ELF file, read in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace pgflame::symbolizer {

struct ElfSymbol {
  uint64_t address = 0;
  uint64_t size = 0;
  std::string_view name;  // up to the version suffix
  uint16_t section = 0;   // SHN_UNDEF: imported
  uint8_t type = 0;       // STT_*
  uint8_t binding = 0;    // STB_*

  bool defined() const { return section != 0; }
  bool is_code() const;
};

// The zero-terminated text at an offset of a string table; empty beyond its end.
std::string_view text_in(std::span<const uint8_t> strings, uint64_t offset);

// One symbol table. Names are the slow part: they are scattered over a table of their own, so they
// are read only when they are asked for.
class ElfSymbols {
 public:
  ElfSymbols() = default;
  ElfSymbols(std::span<const uint8_t> rows, std::span<const uint8_t> strings);

  size_t size() const { return count_; }
  // The index is less than size().
  ElfSymbol without_name(size_t index) const;
  std::string_view name(size_t index) const;
  // The string table from the name on: enough to tell how the name begins.
  std::string_view name_and_more(size_t index) const;

 private:
  std::span<const uint8_t> rows_;
  std::span<const uint8_t> strings_;
  size_t count_ = 0;
};

}  // namespace pgflame::symbolizer
