#include "symbolizer/recovery/code.h"

#include <algorithm>

#include "symbolizer/recovery/decoders.h"

namespace pgflame::symbolizer {

std::vector<CodeReference> code_references(const ElfImage& image, uint64_t start, uint64_t end) {
  if (end <= start) return {};
  const Code behind = image.bytes_at(start);
  const Code code = behind.first(std::min<uint64_t>(behind.size(), end - start));
  switch (image.machine()) {
    case Machine::kX8664:
      return decode_x86_64(image, code, start);
    case Machine::kAarch64:
      return decode_aarch64(code, start);
    default:
      return {};
  }
}

}  // namespace pgflame::symbolizer
