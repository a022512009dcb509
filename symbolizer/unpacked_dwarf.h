// The compressed DWARF of a file, unpacked into an ELF file in memory.
//
// libdw unpacks every section when it opens a file, with zlib; few of them are read here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "symbolizer/elf_image.h"

namespace pgflame::symbolizer {

struct UnpackedDwarf {
  std::unique_ptr<uint8_t[]> bytes;  // null when the file had better be opened as it is
  size_t size = 0;
};

// An ELF file with the sections that names, ranges and lines are in, and nothing else. Null when
// nothing is compressed, a section is broken, they are larger than 1 GiB, or the DWARF goes on in
// other files, which are looked for from where this one stands.
UnpackedDwarf unpack_dwarf(const ElfImage& image);

}  // namespace pgflame::symbolizer
