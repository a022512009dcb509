// The file behind a mapping of a running process.
#pragma once

#include <cstdint>
#include <string>

#include "src/profile/address_space.h"
#include "symbolizer/unwind/elf_image.h"

namespace pgflame::capture {

// The same for all mappings of a file, and before and after its name is removed or given to
// another.
std::string identity_of_mapped_file(const MapsLine& line);

// Where the mapped file itself can be opened, even when its name is gone or belongs to another
// mount namespace.
std::string path_of_mapped_file(int32_t pid, const MapsLine& line);

// The vDSO is this process' own.
Result<unwind::ElfImage> open_mapped_image(int32_t pid, const MapsLine& line);

}  // namespace pgflame::capture
