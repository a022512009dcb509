// The stubs by which code calls what other modules export: they have no symbols of their own.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "symbolizer/address_set.h"
#include "symbolizer/elf_image.h"

namespace pgflame::symbolizer {

struct PltStub {
  uint64_t start = 0;
  uint64_t end = 0;         // exclusive
  std::string_view symbol;  // that it calls
};

// Those that call a symbol: all of them, or those with an address of `only` in them.
std::vector<PltStub> plt_stubs(const ElfImage& image, const AddressSet* only = nullptr);

}  // namespace pgflame::symbolizer
