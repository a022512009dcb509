// The file behind a mapping of a running process.
#pragma once

#include <cstdint>

#include "src/profile/address_space.h"
#include "symbolizer/unwind/elf_image.h"

namespace pgflame::capture {

// The mapped file itself, even when its name is gone or belongs to another mount namespace; the
// vDSO is this process' own.
Result<unwind::ElfImage> open_mapped_image(int32_t pid, const MapsLine& line);

}  // namespace pgflame::capture
