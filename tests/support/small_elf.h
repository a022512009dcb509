// ELF files of a few sections, made in memory.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include <elf.h>

namespace pgflame::small_elf {

using Bytes = std::vector<uint8_t>;

inline constexpr uint64_t kText = 0x401000;
inline constexpr uint64_t kData = 0x402000;
inline constexpr uint64_t kBss = 0x403000;
inline constexpr uint64_t kPastBss = kBss + 0x100;

template <typename T>
void put(Bytes& bytes, const T& value) {
  const auto* from = reinterpret_cast<const uint8_t*>(&value);
  bytes.insert(bytes.end(), from, from + sizeof value);
}

inline Bytes words(std::initializer_list<uint64_t> values) {
  Bytes bytes;
  for (const uint64_t value : values)
    put(bytes, value);
  return bytes;
}

// `offset`: into the contents of the file.
inline Elf64_Shdr section(uint32_t type,
                          uint64_t flags,
                          uint64_t address,
                          uint64_t size,
                          uint64_t offset = 0) {
  Elf64_Shdr row = {};
  row.sh_type = type;
  row.sh_flags = flags;
  row.sh_addr = address;
  row.sh_size = size;
  row.sh_offset = sizeof(Elf64_Ehdr) + offset;
  return row;
}

// `names`: the section with the names of all, 0 for none.
inline Bytes file(uint16_t type,
                  const std::vector<Elf64_Shdr>& sections,
                  const Bytes& contents,
                  uint16_t names = 0) {
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = type;
  header.e_machine = EM_X86_64;
  header.e_shoff = sizeof header + contents.size();
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = static_cast<uint16_t>(sections.size());
  header.e_shstrndx = names;
  Bytes bytes;
  put(bytes, header);
  bytes.insert(bytes.end(), contents.begin(), contents.end());
  for (const Elf64_Shdr& row : sections)
    put(bytes, row);
  return bytes;
}

// .text, .data and .bss, at the addresses above. `type`: ET_EXEC or ET_DYN.
inline Bytes program(uint16_t type, const Bytes& code, const Bytes& data) {
  Bytes contents = code;
  contents.insert(contents.end(), data.begin(), data.end());
  return file(type,
              {Elf64_Shdr{},
               section(SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, kText, code.size()),
               section(SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, kData, data.size(), code.size()),
               section(SHT_NOBITS, SHF_ALLOC | SHF_WRITE, kBss, kPastBss - kBss)},
              contents);
}

}  // namespace pgflame::small_elf
