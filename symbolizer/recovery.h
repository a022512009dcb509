// Names for functions of a stripped binary, proved by facts inside the binary itself.
#pragma once

#include "symbolizer/elf_image.h"
#include "symbolizer/function_table.h"

namespace pgflame::symbolizer {

// Gives names to unnamed functions of the table, with NameTier::kRecovered and the evidence.
void recover(const ElfImage& image, FunctionTable& functions);

}  // namespace pgflame::symbolizer
