#include "symbolizer/mapped_code.h"

#include <algorithm>

namespace pgflame::symbolizer {
namespace {

struct Span {
  uint64_t start = 0;
  uint64_t size = 0;
};

// The whole pages around a span.
Span in_pages(Span span, Machine machine) {
  const uint64_t page = machine == Machine::kAarch64 ? 65536 : 4096;
  const uint64_t before = span.start % page;
  return {span.start - before, (before + span.size + page - 1) / page * page};
}

// A loader first maps the whole image as if it were the first segment, and then the others over it.
uint64_t size_in_memory(const ElfImage& image) {
  uint64_t start = UINT64_MAX;
  uint64_t end = 0;
  for (const ElfSegment& segment : image.segments()) {
    start = std::min(start, segment.address);
    end = std::max(end, segment.address + segment.memory_size);
  }
  return end < start ? 0 : in_pages({start, end - start}, image.machine()).size;
}

// Where the mapping begins in the file's own addresses, when only sizes tell.
std::optional<uint64_t> start_by_size(const ElfImage& image, const Mapping& mapping) {
  const uint64_t size = mapping.end - mapping.start;
  std::optional<uint64_t> start;
  for (const ElfSegment& segment : image.segments()) {
    if (!segment.executable) continue;
    const Span pages = in_pages({segment.address, segment.memory_size}, image.machine());
    // The file begins with its first segment.
    const bool first = mapping.file_offset == 0 && segment.address == image.segments()[0].address;
    if (!first && size != pages.size) continue;
    if (start) return std::nullopt;
    start = pages.start;
  }
  return start;
}

}  // namespace

bool may_map(const ElfImage& image, const Mapping& mapping) {
  const uint64_t size = mapping.end - mapping.start;
  return std::ranges::any_of(image.segments(), [&](const ElfSegment& segment) {
    if (!segment.executable) return false;
    const Span pages = in_pages({segment.file_offset, segment.file_size}, image.machine());
    const uint64_t from = mapping.file_offset - pages.start;  // huge when it begins before
    if (from == 0 && size == size_in_memory(image)) return true;
    return from < pages.size && size <= pages.size - from;
  });
}

bool is_code(const ElfImage& image, uint64_t file_offset) {
  const auto address = image.address_of_offset(file_offset);
  if (!address) return false;
  const ElfSection* section = image.section_at(*address);
  return image.sections().empty() || (section != nullptr && section->executable());
}

bool has_instructions(const ElfImage& image) {
  return std::ranges::any_of(image.sections(), [](const ElfSection& section) {
    return section.executable() && !section.bytes.empty();
  });
}

std::optional<uint64_t> address_in_file(const ElfImage& image,
                                        const Mapping& mapping,
                                        uint64_t address) {
  if (address < mapping.start) return std::nullopt;
  const uint64_t distance = address - mapping.start;
  const bool without_contents = std::ranges::any_of(
      image.segments(),
      [](const ElfSegment& segment) { return segment.executable && segment.file_size == 0; });
  if (!without_contents) return image.address_of_offset(distance + mapping.file_offset);
  const auto start = start_by_size(image, mapping);
  return start ? std::optional(*start + distance) : std::nullopt;
}

}  // namespace pgflame::symbolizer
