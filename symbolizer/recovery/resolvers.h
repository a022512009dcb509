// Names for the variants of one function among which the dynamic linker chooses by the processor,
// such as memmove's for AVX-512: the C library does not export them.
#pragma once

#include "symbolizer/elf_image.h"
#include "symbolizer/function_table.h"

namespace pgflame::symbolizer {

// Whether it is the symbol of a resolver.
bool chooses_variant(const ElfSymbol& symbol);

// A resolver (STT_GNU_IFUNC) returns the address of one of its variants, so what it takes the
// address of and has no name is called like it. Variants that serve several functions, as those of
// memcpy and memmove do, get the name that comes last and has no leading underscore.
void name_variants(const ElfImage& image, FunctionTable& functions);

}  // namespace pgflame::symbolizer
