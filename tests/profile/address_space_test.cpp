#include "src/profile/address_space.h"

#include <doctest/doctest.h>

using namespace pgflame;

TEST_SUITE("profile") {
  TEST_CASE("an address belongs to the newest mapping that covers it") {
    AddressSpace space;
    space.add(0x1000, 0x5000, MappingId{1});
    space.add(0x2000, 0x3000, MappingId{2});
    space.add(0x6000, 0x7000, MappingId{3});
    CHECK(space.find(0xfff) == MappingId{});
    CHECK(space.find(0x1000) == MappingId{1});
    CHECK(space.find(0x2fff) == MappingId{2});
    CHECK(space.find(0x3000) == MappingId{1});
    CHECK(space.find(0x5000) == MappingId{});
    CHECK(space.find(0x6fff) == MappingId{3});
    space.add(0x0, 0x10000, MappingId{4});
    CHECK(space.ranges().size() == 1);
    CHECK(space.find(0x2000) == MappingId{4});
  }

  TEST_CASE("empty and backwards ranges are ignored") {
    AddressSpace space;
    space.add(0x1000, 0x1000, MappingId{1});
    space.add(0x2000, 0x1000, MappingId{1});
    CHECK(space.ranges().empty());
  }

  TEST_CASE("maps lines are read with their file, a cut last line is skipped") {
    const auto lines = parse_maps(
        "558a00000000-558a00100000 r-xp 000a1000 fe:00 1234    "
        "/usr/lib/postgresql/15/bin/postgres\n"
        "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
        "7ffd5a9fe000-7ffd5aa00000 r-xp 00000000 00:00 0                          [vdso]\n"
        "7ffd5b9fe0");
    REQUIRE(lines.size() == 3);
    CHECK(lines[0].start == 0x558a00000000);
    CHECK(lines[0].file_offset == 0xa1000);
    CHECK(lines[0].executable);
    CHECK(lines[0].device == "fe:00");
    CHECK(lines[0].inode == 1234);
    CHECK(lines[0].path == "/usr/lib/postgresql/15/bin/postgres");
    CHECK_FALSE(lines[1].executable);
    CHECK(lines[1].path.empty());
    CHECK(kind_of_mapping(lines[1].path) == ModuleKind::kAnonymous);
    CHECK(kind_of_mapping(lines[2].path) == ModuleKind::kVdso);
    CHECK(kind_of_mapping("/dev/zero (deleted)") == ModuleKind::kAnonymous);
    CHECK(kind_of_mapping("[kernel.kallsyms]_text") == ModuleKind::kKernel);
  }
}
