#include "src/capture/jit_tables.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace pgflame;
using namespace pgflame::capture;

namespace {

// One CIE and one FDE of 32 bytes of code, as LLVM writes them for x86-64: push %rbp after one
// byte.
// clang-format off
constexpr std::array<uint8_t, 56> kSection{
    20, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x00, 0x0c, 7, 8, 0x90, 1, 0, 0,
    24, 0, 0, 0, 28, 0, 0, 0,
    0x00, 0x10, 0, 0, 0, 0, 0, 0,   // start: 0x1000, absolute
    0x20, 0, 0, 0, 0, 0, 0, 0,      // length
    0, 0x41, 0x0e, 16,              // advance 1; def_cfa_offset 16
    0, 0, 0, 0};                    // terminator
// clang-format on

using Added = JitTables::Added;

// kSection with that many functions, 4 KiB apart and as long.
std::vector<uint8_t> module_of(uint32_t functions) {
  constexpr size_t kCieBytes = 24;
  constexpr size_t kFdeBytes = 28;
  std::vector<uint8_t> section(kSection.begin(), kSection.begin() + kCieBytes);
  for (uint32_t i = 0; i < functions; ++i) {
    const size_t at = section.size();
    section.insert(section.end(), kSection.begin() + kCieBytes, kSection.end() - 4);
    const auto put = [&](size_t offset, uint32_t value) {
      std::memcpy(section.data() + at + offset, &value, sizeof value);
    };
    put(4, static_cast<uint32_t>(at + 4));
    put(8, 0x1000 + i * 0x1000);
    put(16, 0x1000);
  }
  static_assert(kCieBytes + kFdeBytes + 4 == kSection.size());
  section.resize(section.size() + 4);
  return section;
}

struct Corner {
  std::vector<pgf_unwind_row> rows{JitTables::kRows};
  std::vector<unwind::Rule> rules;
  JitTables tables{rows, 1000, [this](const unwind::Rule& rule) {
                     rules.push_back(rule);
                     return static_cast<uint16_t>(rules.size() - 1);
                   }};
};

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("code made at run time gets rows in the corner and gives them back") {
    Corner corner;
    REQUIRE(corner.tables.add(7, 0x5000, kSection) == Added::kYes);
    const auto mappings = corner.tables.mappings(7);
    REQUIRE(mappings.size() == 1);
    CHECK(mappings[0].start == 0x1000);
    CHECK(mappings[0].end == 0x1020);
    CHECK(mappings[0].row_count == 3);  // before the push, after it, and the end
    const size_t first = mappings[0].first_row - 1000;
    CHECK(corner.rules[corner.rows[first].rule].cfa_offset == 8);
    CHECK(corner.rows[first + 1].pc == 1);
    CHECK(corner.rules[corner.rows[first + 1].rule].cfa_offset == 16);
    CHECK(corner.tables.mappings(8).empty());
    corner.tables.remove(7, 0x5000);
    CHECK(corner.tables.mappings(7).empty());
    CHECK(corner.tables.pids().empty());
  }

  TEST_CASE("no room and no function are refused, and a forgotten process makes room") {
    Corner corner;
    int32_t pid = 0;
    for (const JitTables::Size& size : JitTables::kSizes) {
      for (uint32_t i = 0; i < size.blocks; ++i)
        REQUIRE(corner.tables.add(pid++, 0x5000, kSection) == Added::kYes);
    }
    CHECK(corner.tables.add(1000, 0x5000, kSection) == Added::kNoRoom);
    corner.tables.forget(3);
    CHECK(corner.tables.add(1000, 0x5000, kSection) == Added::kYes);
    CHECK(corner.tables.add(1000, 0x6000, std::array<uint8_t, 4>{}) == Added::kNoFunction);
  }

  TEST_CASE("the functions of many partitions in one module find room") {
    Corner corner;
    const std::vector<uint8_t> section = module_of(250);
    REQUIRE(section.size() < size_t{PGF_JIT_CHUNK} * PGF_JIT_CHUNKS);
    CHECK(corner.tables.add(7, 0x5000, section) == Added::kYes);
    const auto mappings = corner.tables.mappings(7);
    REQUIRE(mappings.size() == 1);
    CHECK(mappings[0].page_count + mappings[0].row_count > JitTables::kSizes[0].block_rows);
    CHECK(mappings[0].end == 0x1000 + 250 * 0x1000);
  }

  TEST_CASE("a section whose end is missing gives what it holds and says so") {
    Corner corner;
    const std::vector<uint8_t> section = module_of(3);
    CHECK(corner.tables.add(7, 0x5000, std::span(section).first(section.size() - 8)) ==
          Added::kCut);
    REQUIRE(corner.tables.mappings(7).size() == 1);
    CHECK(corner.tables.mappings(7)[0].end == 0x1000 + 2 * 0x1000);
    CHECK(corner.tables.add(8, 0x5000, std::span(section).first(20)) == Added::kCut);
    CHECK(corner.tables.mappings(8).empty());
  }

  TEST_CASE("what could not be stored is told, and who had such code before") {
    CHECK(note_on({5, 0, 0}).empty());
    const std::string note = note_on({0, 1, 2});
    CHECK(note.find("of 1 module the") != std::string::npos);
    CHECK(note.find("of 2 modules found no room") != std::string::npos);
    const std::string llvm =
        "7f0000000000-7f0000100000 r-xp 00000000 fd:01 7   /usr/lib/llvmjit.so\n";
    const std::string vdso = "7ffe00000000-7ffe00002000 r-xp 00000000 00:00 0   [vdso]\n";
    const std::string memory = "7f1000000000-7f1000001000 r-xp 00000000 00:00 0 \n";
    CHECK(has_run_time_code(llvm + memory));
    CHECK_FALSE(has_run_time_code(memory));
    CHECK_FALSE(has_run_time_code(llvm + vdso));
  }

  TEST_CASE("the page index leads to the row that a search of all rows finds") {
    unwind::Table table;
    table.rules = {unwind::Rule{}, unwind::Rule{1, 0, 0, 0, 8, 0, 0}};
    for (const uint32_t pc : {0U, 1U, 1023U, 1024U, 1500U, 9000U, 9001U, 20000U})
      table.rows.push_back({pc, static_cast<uint16_t>(table.rows.size() % 2), 0});
    const RowBlock block = block_of(table);
    std::vector<pgf_unwind_row> rows(block.size());
    write_block(
        table, [](const unwind::Rule& rule) { return uint16_t{rule.cfa}; }, rows);
    for (uint32_t pc = 0; pc < 20001; ++pc) {
      const uint32_t page = pc >> PGF_PAGE_SHIFT;
      const auto begin = rows.begin() + block.page_count + 1;
      const auto window_end = begin + rows[page + 1].pc + 1;
      const auto after = std::upper_bound(
          begin + rows[page].pc, window_end, pc, [](uint32_t key, const auto& row) {
            return key < row.pc;
          });
      REQUIRE(after != begin + rows[page].pc);
      REQUIRE(table.rules[std::prev(after)->rule].cfa == table.at(pc).cfa);
    }
  }
}
