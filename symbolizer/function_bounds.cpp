#include "symbolizer/function_bounds.h"

#include <algorithm>
#include <utility>

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

// Finds the rows of functions on either side of addresses that only grow. The PLT's are stepped
// over.
class RowSearch {
 public:
  RowSearch(const ElfImage& image, const unwind::FrameIndex& index)
      : sections_(image), index_(index) {}

  // False when it is between the same rows as the last one.
  bool go_to(uint64_t address) {
    const size_t from = std::exchange(at_start_, false) ? SIZE_MAX : after_;
    while (after_ < index_.size() && index_.start(after_) <= address)
      ++after_;
    return after_ != from;
  }
  std::optional<size_t> before() {
    for (size_t row = after_; row-- > 0;) {
      if (is_function_at(row)) return row;
    }
    return std::nullopt;
  }
  std::optional<size_t> behind() {
    for (size_t row = after_; row < index_.size(); ++row) {
      if (is_function_at(row)) return row;
    }
    return std::nullopt;
  }
  // A file that is not one of a linker's may have more rows to step over than it has functions.
  bool is_lost() const { return skipped_ > index_.size(); }

 private:
  bool is_function_at(size_t row) {
    const bool found = is_lost() || is_function(sections_.at(index_.start(row)));
    if (!found) ++skipped_;
    return found;
  }

  SectionFinder sections_;
  const unwind::FrameIndex& index_;
  size_t after_ = 0;  // the first row behind the address
  bool at_start_ = true;
  size_t skipped_ = 0;
};

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

std::optional<BoundsIndex> BoundsIndex::open(const ElfImage& image) {
  const ElfSection* frames = image.section(".eh_frame");
  const ElfSection* search = image.section(".eh_frame_hdr");
  if (frames == nullptr || search == nullptr) return std::nullopt;
  const auto index = unwind::FrameIndex::open(frames_in(*search), frames_in(*frames));
  if (!index) return std::nullopt;
  return BoundsIndex(image, *index, frames_in(*frames));
}

std::optional<std::vector<FunctionBounds>> BoundsIndex::near(const AddressSet& addresses,
                                                             Side side) const {
  RowSearch search(*image_, index_);
  std::vector<size_t> rows;
  for (const uint64_t address : addresses.addresses()) {
    if (!search.go_to(address)) continue;
    if (const auto row = search.before()) rows.push_back(*row);
    if (side == Side::kBefore) continue;
    if (const auto row = search.behind()) rows.push_back(*row);
  }
  if (search.is_lost()) return std::nullopt;
  std::ranges::sort(rows);
  drop_repeated(rows);
  return read(rows);
}

std::optional<std::vector<FunctionBounds>> BoundsIndex::read(
    const std::vector<size_t>& rows) const {
  std::vector<uint64_t> offsets;
  offsets.reserve(rows.size());
  for (const size_t row : rows)
    offsets.push_back(index_.offset(row));
  const auto fdes = unwind::parse_frames_at(frames_, offsets);
  if (!fdes) return std::nullopt;
  std::vector<FunctionBounds> bounds;
  bounds.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const unwind::Fde& fde = (*fdes)[i];
    const size_t next = rows[i] + 1;
    const bool reaches_next = next < index_.size() && fde.end > index_.start(next);
    if (fde.start != index_.start(rows[i]) || reaches_next) return std::nullopt;
    bounds.push_back({fde.start, fde.end});
  }
  return bounds;
}

}  // namespace pgflame::symbolizer
