// Where functions begin and end, from the unwind tables every distribution ships.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "symbolizer/address_set.h"
#include "symbolizer/elf_image.h"
#include "symbolizer/unwind/eh_frame.h"
#include "symbolizer/unwind/frame_index.h"

namespace pgflame::symbolizer {

struct FunctionBounds {
  uint64_t start = 0;
  uint64_t end = 0;  // exclusive
};

// One row per .eh_frame FDE that covers code, sorted by start; broken entries are left out. The
// PLT's entries are left out too: they cover many stubs each.
std::vector<FunctionBounds> function_bounds(const ElfImage& image);

// The same of few functions at a fraction of the cost, by way of the linker's search table.
class BoundsIndex {
 public:
  // Nothing without a usable table. The image must outlive it.
  static std::optional<BoundsIndex> open(const ElfImage& image);

  // Of each address the row that begins last at or before it, and the next one behind it where that
  // is asked for; sorted. Nothing where the table contradicts .eh_frame.
  enum class Side : uint8_t { kBefore, kBoth };
  std::optional<std::vector<FunctionBounds>> near(const AddressSet& addresses, Side side) const;

  // Whether the table knows every function of .eh_frame: to be asked where it has none at an
  // address.
  bool is_whole() const { return unwind::count_fdes(frames_) == index_.size(); }

 private:
  BoundsIndex(const ElfImage& image, const unwind::FrameIndex& index, unwind::FrameSection frames)
      : image_(&image), index_(index), frames_(frames) {}
  std::optional<std::vector<FunctionBounds>> read(const std::vector<size_t>& rows) const;

  const ElfImage* image_;
  unwind::FrameIndex index_;
  unwind::FrameSection frames_;
};

}  // namespace pgflame::symbolizer
