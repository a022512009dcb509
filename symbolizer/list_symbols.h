// How each function of a binary got its name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/profile/profile.h"
#include "symbolizer/inlined_frames.h"
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

struct ListedAddress {
  uint64_t vaddr = 0;
  std::optional<size_t> symbol;      // row of the function that covers it
  std::vector<SourceFrame> sources;  // innermost inlined function first; empty without DWARF
};

struct Listing {
  std::vector<ListedSymbol> symbols;     // every function, sorted by address
  std::vector<ListedAddress> addresses;  // one for each that was asked for
  uint64_t code_bytes = 0;
  uint64_t unknown_bytes = 0;  // of these in no known function; padding is some
  bool no_unwind = false;      // .eh_frame, which tells where functions begin, lacks nine tenths
};

// The functions of an ELF file. PLT stubs are named after their function, and the compiler's parts
// and clones after what they were made from; the evidence says so.
Result<Listing> list_symbols(const std::string& path,
                             const Options& options,
                             std::span<const uint64_t> addresses = {});

}  // namespace pgflame::symbolizer
