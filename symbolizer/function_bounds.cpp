#include "symbolizer/function_bounds.h"

#include <algorithm>

#include "src/base/large_memory.h"
#include "src/base/radix_sort.h"
#include "src/base/rows.h"
#include "symbolizer/unwind/eh_frame.h"

namespace pgflame::symbolizer {
namespace {

bool is_function(const ElfSection* section) {
  return section != nullptr && section->executable() && !section->name.starts_with(".plt");
}

}  // namespace

std::vector<FunctionBounds> function_bounds(const ElfImage& image) {
  std::vector<FunctionBounds> bounds;
  const ElfSection* section = image.section(".eh_frame");
  if (section == nullptr) return bounds;
  const unwind::FrameSection frames{.bytes = section->bytes, .address = section->address};
  SectionFinder sections(image);
  const std::vector<unwind::Fde> fdes = unwind::parse_frames(frames).fdes;
  reserve_large(bounds, fdes.size());
  for (const unwind::Fde& fde : fdes) {
    if (is_function(sections.at(fde.start))) bounds.push_back({fde.start, fde.end});
  }
  radix_sort(bounds, [](const FunctionBounds& row) { return row.start; });
  drop_repeated(bounds, &FunctionBounds::start);
  return bounds;
}

}  // namespace pgflame::symbolizer
