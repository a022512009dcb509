#include "symbolizer/elf_symbols.h"

#include <cstring>

#include <elf.h>

namespace pgflame::symbolizer {
namespace {

Elf64_Sym row_at(std::span<const uint8_t> rows, size_t index) {
  Elf64_Sym row;
  std::memcpy(&row, rows.data() + index * sizeof row, sizeof row);
  return row;
}

std::string_view rest_of(std::span<const uint8_t> strings, uint64_t offset) {
  if (offset >= strings.size()) return {};
  const auto* text = reinterpret_cast<const char*>(strings.data() + offset);
  return {text, strings.size() - static_cast<size_t>(offset)};
}

}  // namespace

bool ElfSymbol::is_code() const {
  return type == STT_FUNC || type == STT_GNU_IFUNC;
}

std::string_view text_in(std::span<const uint8_t> strings, uint64_t offset) {
  const std::string_view rest = rest_of(strings, offset);
  return rest.empty() ? rest : rest.substr(0, ::strnlen(rest.data(), rest.size()));
}

ElfSymbols::ElfSymbols(std::span<const uint8_t> rows, std::span<const uint8_t> strings)
    : rows_(rows), strings_(strings), count_(rows.size() / sizeof(Elf64_Sym)) {}

ElfSymbol ElfSymbols::without_name(size_t index) const {
  const Elf64_Sym row = row_at(rows_, index);
  return {.address = row.st_value,
          .size = row.st_size,
          .name = {},
          .section = row.st_shndx,
          .type = static_cast<uint8_t>(ELF64_ST_TYPE(row.st_info)),
          .binding = static_cast<uint8_t>(ELF64_ST_BIND(row.st_info))};
}

std::string_view ElfSymbols::name(size_t index) const {
  const std::string_view name = text_in(strings_, row_at(rows_, index).st_name);
  return name.substr(0, name.find('@'));
}

std::string_view ElfSymbols::name_and_more(size_t index) const {
  return rest_of(strings_, row_at(rows_, index).st_name);
}

}  // namespace pgflame::symbolizer
