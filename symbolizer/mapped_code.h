// Where the code of a file lies when it is mapped.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "src/profile/profile.h"
#include "symbolizer/elf_image.h"

namespace pgflame::symbolizer {

// Whether the file has code everywhere in the mapping of a module's code.
bool may_map(const ElfImage& image, const Mapping& mapping);

// Whether there is code at that place of the file.
bool is_code(const ElfImage& image, uint64_t file_offset);

// Whether the file has the instructions themselves: debug files have only their addresses.
bool has_instructions(const ElfImage& image);

// The file's own address of one in a process. A debug file made by objcopy --only-keep-debug does
// not tell at which offsets its segments were: there the mapping must be that of a whole segment.
std::optional<uint64_t> address_in_file(const ElfImage& image,
                                        const Mapping& mapping,
                                        uint64_t address);

}  // namespace pgflame::symbolizer
