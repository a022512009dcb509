#include "src/base/own_vdso.h"

#include <string_view>

#include "src/base/file.h"
#include "src/base/text.h"

namespace pgflame {

std::vector<uint8_t> own_vdso_bytes() {
  constexpr size_t kLongestMaps = size_t{16} << 20;
  constexpr uint64_t kLargest = uint64_t{1} << 20;
  const auto maps = read_file("/proc/self/maps", kLongestMaps);
  if (!maps) return {};
  for (const std::string_view line : split(*maps, '\n')) {
    if (!line.ends_with("[vdso]")) continue;
    const auto ends = split(line.substr(0, line.find(' ')), '-');
    const auto start = parse_u64(ends[0], 16);
    const auto end = ends.size() == 2 ? parse_u64(ends[1], 16) : std::nullopt;
    if (!start || !end || *end <= *start || *end - *start > kLargest) return {};
    // The kernel hands the address over as a number.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    const auto* bytes = reinterpret_cast<const uint8_t*>(*start);
    return {bytes, bytes + (*end - *start)};
  }
  return {};
}

}  // namespace pgflame
