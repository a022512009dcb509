#include "symbolizer/unpacked_dwarf.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <elf.h>
#include <libdeflate.h>

namespace pgflame::symbolizer {
namespace {

constexpr uint64_t kMostBytes = uint64_t{1} << 30;
constexpr uint64_t kBestRatio = 1032;  // of deflate

constexpr std::array<std::string_view, 9> kSections{".debug_info",
                                                    ".debug_types",
                                                    ".debug_abbrev",
                                                    ".debug_line",
                                                    ".debug_line_str",
                                                    ".debug_str",
                                                    ".debug_str_offsets",
                                                    ".debug_ranges",
                                                    ".debug_rnglists"};

// Split units need .debug_addr; the other section names what several files share.
bool refers_to_other_files(const ElfImage& image) {
  return image.section(".debug_addr") != nullptr || image.section(".gnu_debugaltlink") != nullptr;
}

// What a section holds and how many bytes that is once it is unpacked.
struct Content {
  std::string_view name;
  std::span<const uint8_t> bytes;
  uint64_t size = 0;
  bool packed = false;
};

std::optional<Content> content_of(const ElfSection& section) {
  if ((section.flags & SHF_COMPRESSED) == 0)
    return Content{section.name, section.bytes, section.bytes.size(), false};
  Elf64_Chdr header{};
  if (section.bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, section.bytes.data(), sizeof header);
  const auto bytes = section.bytes.subspan(sizeof header);
  if (header.ch_type != ELFCOMPRESS_ZLIB || header.ch_size / kBestRatio > bytes.size())
    return std::nullopt;
  return Content{section.name, bytes, header.ch_size, true};
}

// Empty when nothing has to be unpacked, or something cannot be.
std::vector<Content> contents_of(const ElfImage& image) {
  std::vector<Content> contents;
  uint64_t total = 0;
  for (const std::string_view name : kSections) {
    const ElfSection* section = image.section(name);
    if (section == nullptr) continue;
    const auto content = content_of(*section);
    if (!content || content->size > kMostBytes - total) return {};
    total += content->size;
    contents.push_back(*content);
  }
  if (std::ranges::none_of(contents, &Content::packed)) contents.clear();
  return contents;
}

bool put(const Content& content, uint8_t* to) {
  if (!content.packed) {
    std::ranges::copy(content.bytes, to);
    return true;
  }
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> unpacker(
      libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  const auto& packed = content.bytes;
  return libdeflate_zlib_decompress(
             unpacker.get(), packed.data(), packed.size(), to, content.size, nullptr) ==
         LIBDEFLATE_SUCCESS;
}

// The file's beginning: its header and the section headers (none, the contents, their names).
struct Start {
  Elf64_Ehdr header{};
  std::vector<Elf64_Shdr> sections{1};
  std::string names{std::string(1, '\0')};
  uint64_t end = 0;  // of the file

  void add(std::string_view name, uint32_t type, uint64_t size) {
    Elf64_Shdr section{};
    section.sh_name = static_cast<Elf64_Word>(names.size());
    section.sh_type = type;
    section.sh_offset = end;
    section.sh_size = size;
    section.sh_addralign = 1;
    sections.push_back(section);
    names.append(name).push_back('\0');
    end += size;
  }
};

Start start_of(const ElfImage& image, const std::vector<Content>& contents) {
  Start start;
  std::memcpy(&start.header, image.file().data(), sizeof start.header);
  const size_t count = contents.size() + 2;
  start.header.e_phoff = 0;
  start.header.e_phnum = 0;
  start.header.e_shoff = sizeof start.header;
  start.header.e_shnum = static_cast<Elf64_Half>(count);
  start.header.e_shstrndx = static_cast<Elf64_Half>(count - 1);
  start.end = sizeof start.header + count * sizeof(Elf64_Shdr);
  for (const Content& content : contents)
    start.add(content.name, SHT_PROGBITS, content.size);
  constexpr std::string_view kNames = ".shstrtab";
  start.add(kNames, SHT_STRTAB, start.names.size() + kNames.size() + 1);
  return start;
}

}  // namespace

UnpackedDwarf unpack_dwarf(const ElfImage& image) {
  if (refers_to_other_files(image)) return {};
  const std::vector<Content> contents = contents_of(image);
  if (contents.empty()) return {};
  const Start start = start_of(image, contents);
  UnpackedDwarf file{std::make_unique_for_overwrite<uint8_t[]>(start.end), start.end};
  uint8_t* to = file.bytes.get();
  std::memcpy(to, &start.header, sizeof start.header);
  std::memcpy(
      to + start.header.e_shoff, start.sections.data(), start.sections.size() * sizeof(Elf64_Shdr));
  std::ranges::copy(start.names, to + start.sections.back().sh_offset);
  for (size_t i = 0; i < contents.size(); ++i) {
    if (!put(contents[i], to + start.sections[i + 1].sh_offset)) return {};
  }
  return file;
}

}  // namespace pgflame::symbolizer
