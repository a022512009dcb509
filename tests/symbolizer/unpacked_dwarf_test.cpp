#include "symbolizer/unpacked_dwarf.h"

#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <elf.h>
#include <zlib.h>

#include "tests/support/small_elf.h"

namespace pgflame::symbolizer {
namespace {

struct Section {
  std::string name;
  std::string bytes;
  uint64_t flags = 0;
};

std::string as_text(std::span<const uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

template <typename T>
std::string as_bytes(const T& value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

Section packed(const std::string& name, const std::string& text, uint64_t said_size) {
  Elf64_Chdr header{};
  header.ch_type = ELFCOMPRESS_ZLIB;
  header.ch_size = said_size;
  header.ch_addralign = 1;
  std::string bytes(compressBound(text.size()), '\0');
  uLongf size = bytes.size();
  compress(reinterpret_cast<Bytef*>(bytes.data()),
           &size,
           reinterpret_cast<const Bytef*>(text.data()),
           text.size());
  bytes.resize(size);
  return {name, as_bytes(header) + bytes, SHF_COMPRESSED};
}

Section packed(const std::string& name, const std::string& text) {
  return packed(name, text, text.size());
}

std::vector<uint8_t> elf_with(std::vector<Section> sections) {
  std::string names(1, '\0');
  std::vector<Elf64_Shdr> rows(1);
  sections.push_back({".shstrtab", {}});
  std::string contents;
  for (Section& section : sections) {
    const bool last = &section == &sections.back();
    Elf64_Shdr row{};
    row.sh_name = static_cast<Elf64_Word>(names.size());
    names += section.name + '\0';
    row.sh_type = last ? SHT_STRTAB : SHT_PROGBITS;
    row.sh_flags = section.flags;
    row.sh_offset = sizeof(Elf64_Ehdr) + contents.size();
    contents += last ? names : section.bytes;
    row.sh_size = last ? names.size() : section.bytes.size();
    rows.push_back(row);
  }
  return small_elf::file(
      ET_DYN, rows, {contents.begin(), contents.end()}, static_cast<uint16_t>(rows.size() - 1));
}

UnpackedDwarf unpacked(const std::vector<uint8_t>& file) {
  const auto image = ElfImage::parse(file);
  REQUIRE(image.has_value());
  return unpack_dwarf(*image);
}

}  // namespace

TEST_SUITE("symbolizer") {
  TEST_CASE("compressed DWARF is unpacked into a file of its own, what nobody reads left out") {
    const std::string info(5000, 'i');
    const UnpackedDwarf file = unpacked(elf_with({packed(".debug_info", info),
                                                  {".debug_abbrev", "plain"},
                                                  packed(".debug_loclists", info),
                                                  {".text", "code"}}));
    REQUIRE(file.bytes != nullptr);
    const auto image = ElfImage::parse({file.bytes.get(), file.size});
    REQUIRE(image.has_value());
    CHECK(image->machine() == Machine::kX8664);
    REQUIRE(image->section(".debug_info") != nullptr);
    CHECK(as_text(image->section(".debug_info")->bytes) == info);
    CHECK(image->section(".debug_info")->flags == 0);
    REQUIRE(image->section(".debug_abbrev") != nullptr);
    CHECK(as_text(image->section(".debug_abbrev")->bytes) == "plain");
    CHECK(image->section(".debug_loclists") == nullptr);
    CHECK(image->section(".text") == nullptr);
  }

  TEST_CASE("a file that is read as it is: not compressed, broken, or one of several") {
    const Section info = packed(".debug_info", std::string(5000, 'i'));
    CHECK(unpacked(elf_with({info})).bytes != nullptr);
    CHECK(unpacked(elf_with({{".debug_info", "plain"}})).bytes == nullptr);
    CHECK(unpacked(elf_with({info, {".debug_addr", "x"}})).bytes == nullptr);
    CHECK(unpacked(elf_with({info, {".gnu_debugaltlink", "x"}})).bytes == nullptr);
    CHECK(unpacked(elf_with({info, {".debug_str", "short", SHF_COMPRESSED}})).bytes == nullptr);
    Section cut = info;
    cut.bytes.resize(cut.bytes.size() - 4);
    CHECK(unpacked(elf_with({cut})).bytes == nullptr);
    for (const uint64_t size : {uint64_t{4999}, uint64_t{5001}, uint64_t{1} << 40, ~uint64_t{0}})
      CHECK(unpacked(elf_with({packed(".debug_info", std::string(5000, 'i'), size)})).bytes ==
            nullptr);
  }
}

}  // namespace pgflame::symbolizer
