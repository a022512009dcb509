// A 64-bit little-endian ELF file, read in place. Every offset and size in it is hostile and is
// checked against the bytes that are there; whatever does not fit is left out.
//
// Formats: System V ABI chapters 4 and 5, and its x86-64 and AArch64 supplements.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/error.h"
#include "symbolizer/elf_symbols.h"

namespace pgflame::symbolizer {

enum class Machine : uint8_t { kX8664, kAarch64, kOther };

struct ElfSection {
  std::string_view name;
  uint32_t type = 0;
  uint64_t flags = 0;
  uint64_t address = 0;
  uint64_t size = 0;  // in memory; larger than bytes.size() for .bss
  uint32_t link = 0;
  std::span<const uint8_t> bytes;  // empty for .bss and for sections that reach out of the file

  bool executable() const;
  bool contains(uint64_t vaddr) const { return vaddr - address < size; }
};

struct ElfSegment {
  uint64_t file_offset = 0;
  uint64_t file_size = 0;
  uint64_t address = 0;
  uint64_t memory_size = 0;
  bool executable = false;
};

// A word of initialised data that holds an address.
struct ElfPointer {
  uint64_t slot = 0;
  uint64_t target = 0;
};

// A word of data that the dynamic linker fills with the address of a symbol.
struct ElfImport {
  uint64_t slot = 0;
  std::string_view symbol;
};

class ElfImage {
 public:
  // The bytes must outlive the image.
  static Result<ElfImage> parse(std::span<const uint8_t> bytes);

  // False when the file ends before its section headers, which linkers write last: it was cut
  // short, and what it still has is no ground for saying what it has not.
  bool is_whole() const;

  Machine machine() const { return machine_; }
  const std::string& build_id() const { return build_id_; }  // lower-case hex, empty without one
  const std::vector<ElfSegment>& segments() const { return segments_; }  // those that are loaded
  const std::vector<ElfSection>& sections() const { return sections_; }
  const ElfSection* section(std::string_view name) const;
  const ElfSection* section_at(uint64_t vaddr) const;

  // Where a byte of the file is in the module's own address space.
  std::optional<uint64_t> address_of_offset(uint64_t file_offset) const;
  // Whether a number in the file may be an address: the file is linked to fixed addresses (ET_EXEC,
  // not PIE), and one of its sections lies there.
  bool is_fixed_address(uint64_t value) const;
  // What is at an address: from there to the end of its section or segment.
  std::span<const uint8_t> bytes_at(uint64_t vaddr) const;
  // The zero-terminated text at an address in read-only data; empty when there is none.
  std::string_view text_at(uint64_t vaddr) const;

  // ".symtab" or ".dynsym"; empty without one.
  ElfSymbols symbol_table(std::string_view section_name) const;
  std::vector<ElfSymbol> symbols(std::string_view section_name) const;
  // Addresses in initialised data, sorted by slot: from relative and symbolic relocations. A file
  // that is linked to fixed addresses has none of these: there they are the words that may be some.
  std::vector<ElfPointer> pointers() const;
  // Slots of .got and .got.plt, sorted by slot: all of them, or those among `only`, which is
  // sorted.
  std::vector<ElfImport> imports(const std::vector<uint64_t>* only = nullptr) const;

  std::span<const uint8_t> file() const { return file_; }

 private:
  void read_segments();
  void read_sections();
  void find_fixed_ranges();
  void add_relative(const ElfSection& section, std::vector<ElfPointer>& pointers) const;
  void add_fixed(std::vector<ElfPointer>& pointers) const;
  std::span<const uint8_t> slice(uint64_t offset, uint64_t size) const;

  std::span<const uint8_t> file_;
  Machine machine_ = Machine::kOther;
  std::string build_id_;
  std::vector<ElfSegment> segments_;
  std::vector<ElfSection> sections_;
  struct Range {
    uint64_t start = 0;
    uint64_t end = 0;
  };
  std::vector<Range> fixed_ranges_;  // sorted, disjoint; empty unless addresses are fixed
};

// ElfImage::section_at for many addresses, neighbours of which mostly are in one section.
class SectionFinder {
 public:
  explicit SectionFinder(const ElfImage& image) : image_(image) {}

  const ElfSection* at(uint64_t vaddr) {
    if (last_ == nullptr || !last_->contains(vaddr)) last_ = image_.section_at(vaddr);
    return last_;
  }

 private:
  const ElfImage& image_;
  const ElfSection* last_ = nullptr;
};

}  // namespace pgflame::symbolizer
