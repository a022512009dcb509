// Any bytes as a file with DWARF: what was inlined at the beginning of its code.
#include <cstddef>
#include <cstdint>
#include <string>

#include <sys/mman.h>

#include <unistd.h>

#include "src/base/file.h"
#include "symbolizer/elf_image.h"
#include "symbolizer/inlined_frames.h"

namespace {

constexpr uint64_t kPlaces = 256;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgflame;
  const FileHandle file(::memfd_create("fuzz", MFD_CLOEXEC));
  if (::write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  const auto frames =
      symbolizer::InlinedFrames::open("/proc/self/fd/" + std::to_string(file.get()));
  auto image = symbolizer::ElfImage::parse({data, size});
  if (frames == nullptr || !image) return 0;
  const symbolizer::ElfSection* text = image->section(".text");
  const uint64_t start = text == nullptr ? 0 : text->address;
  for (uint64_t i = 0; i < kPlaces; ++i)
    frames->at(start + i);
  return 0;
}
