#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <elfutils/libdw.h>

#include <doctest/doctest.h>

#include "src/base/rows.h"
#include "symbolizer/unwind/byte_cursor.h"
#include "symbolizer/unwind/eh_frame.h"
#include "symbolizer/unwind/elf_image.h"

using namespace pgflame;
using namespace pgflame::unwind;

namespace {

// Reads the section the way elfutils does; pointers are pc-relative and 4 bytes wide in every
// library of the host, which the encoding of the CIE is checked for.
std::vector<FunctionRange> ranges_by_libdw(const FrameSection& section) {
  std::array<unsigned char, EI_NIDENT> ident{0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB};
  Elf_Data data{};
  data.d_buf = const_cast<uint8_t*>(section.bytes.data());
  data.d_size = section.bytes.size();
  std::vector<FunctionRange> ranges;
  Dwarf_Off offset = 0;
  while (offset < section.bytes.size()) {
    Dwarf_Off next = 0;
    Dwarf_CFI_Entry record;
    if (dwarf_next_cfi(ident.data(), &data, true, offset, &next, &record) != 0) break;
    offset = next;
    if (dwarf_cfi_cie_p(&record)) {
      const std::string augmentation = record.cie.augmentation;
      REQUIRE(augmentation.starts_with("z"));
      continue;
    }
    const auto position =
        static_cast<uint64_t>(record.fde.start - section.bytes.data()) + section.address;
    ByteCursor body({record.fde.start, record.fde.end});
    const auto displacement = static_cast<int32_t>(body.u32());
    const uint64_t start = position + static_cast<uint64_t>(int64_t{displacement});
    const uint32_t length = body.u32();
    if (length > 0) ranges.push_back({start, start + length});
  }
  std::ranges::sort(ranges, {}, [](const FunctionRange& r) { return std::pair(r.start, r.end); });
  drop_repeated(ranges);
  return ranges;
}

}  // namespace

TEST_SUITE("symbolizer") {
  TEST_CASE("function bounds are those elfutils reads, in every kind of library") {
    for (const char* path : {"/usr/lib/x86_64-linux-gnu/libc.so.6",
                             "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
                             "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
                             "/usr/lib/postgresql/15/bin/postgres"}) {
      CAPTURE(path);
      const auto image = ElfImage::open(path);
      REQUIRE(image);
      REQUIRE(image->eh_frame());
      const auto ranges = function_ranges(image->eh_frame()->bytes, image->eh_frame()->address);
      REQUIRE(ranges);
      CHECK(ranges->size() > 1000);
      CHECK(*ranges == ranges_by_libdw(*image->eh_frame()));
    }
  }

  TEST_CASE("an unwind section cut anywhere gives the functions before the cut") {
    const auto image = ElfImage::open("/usr/lib/x86_64-linux-gnu/libdl.so.2");
    REQUIRE(image);
    REQUIRE(image->eh_frame());
    const FrameSection& whole = *image->eh_frame();
    const size_t all = parse_frames(whole).fdes.size();
    size_t previous = 0;
    for (size_t size = 0; size <= whole.bytes.size(); ++size) {
      FrameSection cut = whole;
      cut.bytes = whole.bytes.first(size);
      const Frames frames = parse_frames(cut);
      CHECK(frames.fdes.size() >= previous);
      previous = frames.fdes.size();
    }
    CHECK(previous == all);
  }

  TEST_CASE("bytes that are no unwind section are an error, no bytes are no functions") {
    const std::array<uint8_t, 8> garbage{0xfe, 0xff, 0xff, 0xff, 1, 2, 3, 4};
    CHECK_FALSE(function_ranges(garbage, 0));
    CHECK(function_ranges({}, 0)->empty());
  }

  TEST_CASE("variable-length numbers keep their sign and stop at the end") {
    const std::array<uint8_t, 5> bytes{0xe5, 0x8e, 0x26, 0x7f, 0x80};
    ByteCursor cursor(bytes);
    CHECK(cursor.uleb() == 624485);
    CHECK(cursor.sleb() == -1);
    CHECK(cursor.uleb() == 0);
    CHECK_FALSE(cursor.ok());
  }
}
