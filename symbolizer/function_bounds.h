// Where functions begin and end, from the unwind tables every distribution ships.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "symbolizer/elf_image.h"

namespace pgflame::symbolizer {

struct FunctionBounds {
  uint64_t start = 0;
  uint64_t end = 0;  // exclusive
};

// One row per .eh_frame FDE that covers code, sorted by start; broken entries are left out. The
// PLT's entries are left out too: they cover many stubs each.
std::vector<FunctionBounds> function_bounds(const ElfImage& image);

// Only those that begin last at or before one of the addresses, and the next ones behind them, by
// way of the linker's search table. Nothing where there is none, or where it contradicts .eh_frame.
std::optional<std::vector<FunctionBounds>> bounds_near(const ElfImage& image,
                                                       std::vector<uint64_t> addresses);

}  // namespace pgflame::symbolizer
