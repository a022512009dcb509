// How each function of a binary got its name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/profile/profile.h"
#include "symbolizer/symbolizer.h"

namespace pgflame::symbolizer {

struct ListedSymbol {
  uint64_t vaddr = 0;
  uint64_t size = 0;
  std::string name;  // never empty, as Function::name
  std::string file;  // source file when known
  NameTier tier = NameTier::kNone;
  std::string evidence;  // in words
};

// Every function of the ELF file, sorted by address. PLT stubs are named after their function.
Result<std::vector<ListedSymbol>> list_symbols(const std::string& path, const Options& options);

}  // namespace pgflame::symbolizer
