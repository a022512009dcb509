#include "src/capture/jit_tables.h"

#include <algorithm>
#include <array>
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

struct Corner {
  std::vector<pgf_unwind_row> rows{size_t{JitTables::kBlocks} * JitTables::kBlockRows};
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
    REQUIRE(corner.tables.add(7, 0x5000, kSection));
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
    for (uint64_t i = 0; i < JitTables::kBlocks; ++i)
      REQUIRE(corner.tables.add(static_cast<int32_t>(i), 0x5000, kSection));
    CHECK_FALSE(corner.tables.add(1000, 0x5000, kSection));
    corner.tables.forget(3);
    CHECK(corner.tables.add(1000, 0x5000, kSection));
    CHECK_FALSE(corner.tables.add(1000, 0x6000, std::span(kSection).first(20)));
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
