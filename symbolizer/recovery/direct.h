// Names that two facts of a binary prove without a reference.
#pragma once

#include <string_view>

#include "symbolizer/elf_image.h"
#include "symbolizer/function_table.h"

namespace pgflame::symbolizer {

// In any PostgreSQL server.
void recover_directly(const ElfImage& image, FunctionTable& functions);

// What tells the C library for the following two.
constexpr std::string_view kStartOfMain = "__libc_start_main";

// In the C library: the function that calls main is in every stack.
void name_caller_of_main(const ElfImage& image, FunctionTable& functions);

// In the C library: what signal handlers return to.
void name_signal_return(const ElfImage& image, FunctionTable& functions);

}  // namespace pgflame::symbolizer
