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

unwind::FrameSection frames_in(const ElfSection& section) {
  return {.bytes = section.bytes, .address = section.address};
}

// The search table's rows of functions, if it is of use.
std::vector<unwind::IndexRow> function_index(const ElfImage& image,
                                             const unwind::FrameSection& frames) {
  const ElfSection* section = image.section(".eh_frame_hdr");
  if (section == nullptr) return {};
  std::vector<unwind::IndexRow> index = unwind::read_index(frames_in(*section), frames);
  SectionFinder sections(image);
  std::erase_if(index,
                [&](const unwind::IndexRow& row) { return !is_function(sections.at(row.start)); });
  return index;
}

// Positions of the rows on either side of each address. Both are sorted.
std::vector<size_t> rows_near(const std::vector<unwind::IndexRow>& index,
                              const std::vector<uint64_t>& addresses) {
  std::vector<size_t> rows;
  auto after = index.begin();
  for (const uint64_t address : addresses) {
    after = std::ranges::upper_bound(after, index.end(), address, {}, &unwind::IndexRow::start);
    const auto next = static_cast<size_t>(after - index.begin());
    if (next > 0) rows.push_back(next - 1);
    if (next < index.size()) rows.push_back(next);
  }
  std::ranges::sort(rows);
  drop_repeated(rows);
  return rows;
}

}  // namespace

std::vector<FunctionBounds> function_bounds(const ElfImage& image) {
  std::vector<FunctionBounds> bounds;
  const ElfSection* section = image.section(".eh_frame");
  if (section == nullptr) return bounds;
  const unwind::FrameSection frames = frames_in(*section);
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

std::optional<std::vector<FunctionBounds>> bounds_near(const ElfImage& image,
                                                       std::vector<uint64_t> addresses) {
  const ElfSection* section = image.section(".eh_frame");
  if (section == nullptr) return std::nullopt;
  const unwind::FrameSection frames = frames_in(*section);
  const std::vector<unwind::IndexRow> index = function_index(image, frames);
  if (index.empty()) return std::nullopt;
  std::ranges::sort(addresses);
  const std::vector<size_t> rows = rows_near(index, addresses);
  std::vector<uint64_t> offsets;
  for (const size_t row : rows)
    offsets.push_back(index[row].offset);
  const auto fdes = unwind::parse_frames_at(frames, offsets);
  if (!fdes) return std::nullopt;
  std::vector<FunctionBounds> bounds;
  for (size_t i = 0; i < rows.size(); ++i) {
    const unwind::Fde& fde = (*fdes)[i];
    const size_t next = rows[i] + 1;
    const bool reaches_next = next < index.size() && fde.end > index[next].start;
    if (fde.start != index[rows[i]].start || reaches_next) return std::nullopt;
    bounds.push_back({fde.start, fde.end});
  }
  return bounds;
}

}  // namespace pgflame::symbolizer
