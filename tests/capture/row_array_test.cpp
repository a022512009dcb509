#include "src/capture/row_array.h"

#include <doctest/doctest.h>

using namespace pgflame;
using namespace pgflame::capture;

namespace {

unwind::Table table_of(uint32_t rows) {
  unwind::Table table;
  table.rules = {unwind::Rule{}};
  for (uint32_t i = 0; i < rows; ++i)
    table.rows.push_back({i, 0, 0});
  return table;
}

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("modules are stored one after the other, and those without room are named") {
    std::vector<pgf_unwind_row> rows(40);
    RowArray array(rows, [](const unwind::Rule&) { return uint16_t{9}; });
    const auto first = array.store(table_of(10), "/bin/postgres");
    REQUIRE(first);
    CHECK(first->first_row == 2);  // behind the index of one page
    CHECK(first->row_count == 10);
    CHECK(rows[2].rule == 9);
    CHECK_FALSE(array.store(table_of(30), "/lib/libLLVM.so"));
    const auto third = array.store(table_of(20), "/lib/libc.so");
    REQUIRE(third);
    CHECK(third->first_row == 14);
    CHECK(array.used() == 34);
    CHECK(array.refused() == std::vector<std::string>{"/lib/libLLVM.so"});
    CHECK(note_on_refused(array.refused()) ==
          "The tables for walking stacks had no room for /lib/libLLVM.so; stacks end there.");
    CHECK(note_on_refused({}).empty());
  }
}
