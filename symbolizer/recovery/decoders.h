// One decoder per machine. Private to recovery/code*.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "symbolizer/recovery/code.h"

namespace pgflame::symbolizer {

using Code = std::span<const uint8_t>;

// `code` lies at the virtual address `start` of the image. Jumps within it are left out.
std::vector<CodeReference> decode_x86_64(const ElfImage& image, Code code, uint64_t start);
std::vector<CodeReference> decode_aarch64(Code code, uint64_t start);

}  // namespace pgflame::symbolizer
