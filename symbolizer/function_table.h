// The functions of one module: a flat table sorted by address.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/profile/profile.h"
#include "symbolizer/elf_image.h"
#include "symbolizer/function_bounds.h"

namespace pgflame::symbolizer {

// A run of code that belongs to one function. `start` and `end` are virtual addresses of the file.
struct FunctionRange {
  uint64_t start = 0;
  uint64_t end = 0;             // exclusive
  uint64_t entry = 0;           // where its function begins: elsewhere for split parts (.cold)
  std::string_view name{};      // empty: unnamed
  std::string_view file{};      // source file, empty when unknown
  std::string_view evidence{};  // why it has this name, in a few words
  NameTier tier = NameTier::kNone;
};

struct FunctionName;

class FunctionTable {
 public:
  // Names from .symtab or, without one, from .dynsym, never beyond the size of the symbol and of
  // its unwind entry. What only has an unwind entry is in the table without a name.
  // The names point into the image's bytes.
  // A debug file's or MiniDebugInfo's .symtab is used as well; it must outlive the table too.
  static FunctionTable from_image(const ElfImage& image,
                                  std::span<const FunctionBounds> bounds,
                                  const ElfImage* debug = nullptr);
  // The same for these addresses at a fraction of the cost: what find() returns for them is of the
  // same function, other ranges are missing or reach too far. Nothing where it takes the whole
  // table to know.
  static std::optional<FunctionTable> from_image_at(const ElfImage& image,
                                                    std::vector<uint64_t> addresses,
                                                    const ElfImage* debug = nullptr);
  static FunctionTable from_symbols(std::vector<FunctionRange> ranges);

  // The range that covers the address.
  const FunctionRange* find(uint64_t vaddr) const;
  const std::vector<FunctionRange>& ranges() const { return ranges_; }
  std::vector<FunctionRange>& ranges() { return ranges_; }

  // Keeps text alive as long as the table.
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }

 private:
  void lay_out(const ElfImage& image,
               std::span<const FunctionBounds> bounds,
               const std::vector<FunctionName>& names);

  std::vector<FunctionRange> ranges_;  // sorted by start, disjoint
  std::deque<std::string> texts_;
};

// The function a compiler's clone or fragment was made from: "f.constprop.0", "f.part.3.cold" and
// "f.isra.0" -> "f".
std::string_view without_clone_suffix(std::string_view name);

}  // namespace pgflame::symbolizer
