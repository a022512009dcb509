// Names that two facts of any PostgreSQL binary prove without a reference.
#pragma once

#include "symbolizer/elf_image.h"
#include "symbolizer/function_table.h"

namespace pgflame::symbolizer {

void recover_directly(const ElfImage& image, FunctionTable& functions);

}  // namespace pgflame::symbolizer
