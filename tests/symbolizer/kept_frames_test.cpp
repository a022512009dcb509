#include "symbolizer/kept_frames.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <link.h>

#include "src/base/build_id.h"
#include "src/base/file.h"
#include "src/base/kept_file.h"
#include "tests/support/folder.h"

namespace pgflame::symbolizer {
namespace {

constexpr const char* kProgram = "/proc/self/exe";

// Where this program's code of an address is in its file.
uint64_t vaddr_of(uint64_t address) {
  uint64_t base = 0;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, size_t /*size*/, void* to) {
        *static_cast<uint64_t*>(to) = info->dlpi_addr;
        return 1;  // the program is the first
      },
      &base);
  return address - base;
}

// This program.
DwarfFile program_at(const std::string& path) {
  return {path, build_id_of_file(kProgram), stamp_of_file(kProgram)};
}

std::unique_ptr<InlinedFrames> open_at(const std::string& path, const Folder& folder) {
  return KeptFrames::open(program_at(path), folder.path());
}

void check_same(const std::vector<SourceFrame>& a, const std::vector<SourceFrame>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].name == b[i].name);
    CHECK(a[i].file == b[i].file);
    CHECK(a[i].line == b[i].line);
  }
}

#ifdef __x86_64__
__attribute__((always_inline)) inline uint64_t kept_place() {
  uint64_t place = 0;
  asm volatile("lea 0(%%rip), %0" : "=r"(place));
  return place - 1;
}

__attribute__((noinline)) uint64_t own_place() {
  return vaddr_of(kept_place());
}

TEST_SUITE_BEGIN("symbolizer");

TEST_CASE("what DWARF told is told again without it") {
  const Folder folder;
  const uint64_t place = own_place();
  constexpr uint64_t kNowhere = uint64_t{1} << 62;
  const auto first = open_at(kProgram, folder);
  const std::vector<SourceFrame> told = first->at(place);
  REQUIRE(told.size() == 2);
  CHECK(told[0].name.find("kept_place") != std::string::npos);
  CHECK(told[0].file == "kept_frames_test.cpp");
  CHECK(told[1].name.find("own_place") != std::string::npos);
  CHECK(first->at(kNowhere).empty());
  check_same(first->at(place), told);
  CHECK(folder.entries() == 0);
  first->keep();
  CHECK(folder.entries() == 1);

  const auto second = open_at("/nowhere", folder);
  check_same(second->at(place), told);
  CHECK(second->at(kNowhere).empty());
  CHECK(second->at(place + 1).empty());  // nobody asked before
  second->keep();
  const auto third = open_at(kProgram, folder);
  CHECK_FALSE(third->at(place + 1).empty());
  third->keep();
  const auto fourth = open_at("/nowhere", folder);
  check_same(fourth->at(place), told);
  CHECK_FALSE(fourth->at(place + 1).empty());
}

TEST_CASE("a kept file that is not about this DWARF, or makes no sense, is not believed") {
  const Folder folder;
  const uint64_t place = own_place();
  const std::string path = folder / ("frames-" + build_id_of_file(kProgram)).c_str();
  const auto told = [&] { return open_at(kProgram, folder)->at(place); };
  const std::string mark =
      fmt::format("pgflame-frames 2 {} {}\n", build_id_of_file(kProgram), stamp_of_file(kProgram));
  const std::vector<SourceFrame> right = told();
  REQUIRE(right.size() == 2);
  const auto number = [](uint64_t value, size_t bytes) {
    return std::string(reinterpret_cast<const char*>(&value), bytes);
  };
  // One row, of one frame with a name of one character.
  const auto file = [&](uint64_t rows, uint64_t frames, uint64_t row_frames, uint64_t name_at) {
    return number(rows, 8) + number(frames, 8) + number(place, 8) + number(0, 4) +
           number(row_frames, 4) + number(name_at, 4) + number(1, 4) + number(0, 4) + number(0, 4) +
           number(7, 4) + "x";
  };
  write_kept_file(path, mark, file(1, 1, 1, 0));
  REQUIRE(told().size() == 1);
  CHECK(told()[0].name == "x");
  CHECK(told()[0].line == 7);
  write_kept_file(path, "pgflame-frames 2 0 0\n", file(1, 1, 1, 0));
  check_same(told(), right);
  for (const std::string& broken : {file(1, 1, 1, 1),
                                    file(1, 1, 2, 0),
                                    file(1, 1, 1, UINT32_MAX),
                                    file(2, 1, 1, 0),
                                    file(1, 2, 1, 0),
                                    file(UINT64_MAX, 1, 1, 0),
                                    file(1, UINT64_MAX, 1, 0),
                                    std::string(10, 'a')}) {
    write_kept_file(path, mark, broken);
    check_same(told(), right);
  }
}

TEST_CASE("a file that was changed after it was found to be the right one tells nothing") {
  const Folder folder;
  DwarfFile program = program_at(kProgram);
  program.stamp += '0';
  const auto frames = KeptFrames::open(program, folder.path());
  CHECK(frames->at(own_place()).empty());
  frames->keep();
  CHECK(folder.entries() == 0);
}

TEST_CASE("what is kept of one file is not told of another one with its build-id") {
  const Folder folder;
  const std::string copy = folder / "copy";
  REQUIRE(write_file_atomically(copy, "other", Overwrite::kAllow));
  const auto first = open_at(kProgram, folder);
  CHECK_FALSE(first->at(own_place()).empty());
  first->keep();
  DwarfFile other = program_at("/nowhere");
  other.stamp = stamp_of_file(copy);
  CHECK_FALSE(open_at("/nowhere", folder)->at(own_place()).empty());
  CHECK(KeptFrames::open(other, folder.path())->at(own_place()).empty());
}

TEST_CASE("nothing is kept where there is no folder for it") {
  const auto frames = KeptFrames::open(program_at(kProgram), "");
  REQUIRE(frames != nullptr);
  CHECK_FALSE(frames->at(own_place()).empty());
  frames->keep();
}

TEST_SUITE_END();
#endif

}  // namespace
}  // namespace pgflame::symbolizer
