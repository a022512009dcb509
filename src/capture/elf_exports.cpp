#include "src/capture/elf_exports.h"

#include <cstring>

#include <elf.h>

namespace pgflame::capture {
namespace {

constexpr uint64_t kPage = 4096;

template <typename T>
std::optional<T> read_at(std::span<const uint8_t> image, uint64_t offset) {
  if (offset > image.size() || sizeof(T) > image.size() - offset) return std::nullopt;
  T value{};
  std::memcpy(&value, image.data() + offset, sizeof(T));
  return value;
}

std::optional<Elf64_Ehdr> header_of(std::span<const uint8_t> image) {
  const auto header = read_at<Elf64_Ehdr>(image, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return std::nullopt;
  if (header->e_ident[EI_CLASS] != ELFCLASS64) return std::nullopt;
  return header;
}

std::optional<Elf64_Shdr> section(std::span<const uint8_t> image,
                                  const Elf64_Ehdr& header,
                                  uint64_t index) {
  if (index >= header.e_shnum || header.e_shoff > image.size()) return std::nullopt;
  return read_at<Elf64_Shdr>(image, header.e_shoff + index * sizeof(Elf64_Shdr));
}

std::string_view bytes_of(std::span<const uint8_t> image, const Elf64_Shdr& section) {
  if (section.sh_offset > image.size() || section.sh_size > image.size() - section.sh_offset) {
    return {};
  }
  return {reinterpret_cast<const char*>(image.data() + section.sh_offset), section.sh_size};
}

// The string at `offset`, empty when it does not end inside the table.
std::string_view string_at(std::string_view strings, uint64_t offset) {
  if (offset >= strings.size()) return {};
  const auto text = strings.substr(offset);
  const auto end = text.find('\0');
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end);
}

void find_in_table(std::span<const uint8_t> image,
                   const Elf64_Shdr& table,
                   std::string_view strings,
                   std::span<const std::string_view> names,
                   std::vector<uint64_t>& values) {
  const uint64_t rows = bytes_of(image, table).size() / sizeof(Elf64_Sym);
  for (uint64_t row = 0; row < rows; ++row) {
    const auto symbol = read_at<Elf64_Sym>(image, table.sh_offset + row * sizeof(Elf64_Sym));
    if (!symbol || symbol->st_shndx == SHN_UNDEF) continue;
    const std::string_view name = string_at(strings, symbol->st_name);
    for (size_t i = 0; i < names.size(); ++i) {
      if (name == names[i]) values[i] = symbol->st_value;
    }
  }
}

}  // namespace

std::vector<uint64_t> find_exports(std::span<const uint8_t> image,
                                   std::span<const std::string_view> names) {
  std::vector<uint64_t> values(names.size(), 0);
  const auto header = header_of(image);
  if (!header) return values;
  for (uint64_t i = 0; i < header->e_shnum; ++i) {
    const auto table = section(image, *header, i);
    if (!table || table->sh_type != SHT_DYNSYM) continue;
    const auto strings = section(image, *header, table->sh_link);
    if (strings) find_in_table(image, *table, bytes_of(image, *strings), names, values);
  }
  return values;
}

std::optional<uint64_t> load_bias(std::span<const uint8_t> image,
                                  uint64_t start,
                                  uint64_t file_offset) {
  const auto header = header_of(image);
  if (!header || header->e_phoff > image.size()) return std::nullopt;
  for (uint64_t i = 0; i < header->e_phnum; ++i) {
    const auto segment = read_at<Elf64_Phdr>(image, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment) return std::nullopt;
    if (segment->p_type != PT_LOAD) continue;
    const uint64_t first = segment->p_offset & ~(kPage - 1);
    if (file_offset < first || file_offset >= segment->p_offset + segment->p_filesz) continue;
    return start - (file_offset - first) - (segment->p_vaddr & ~(kPage - 1));
  }
  return std::nullopt;
}

}  // namespace pgflame::capture
