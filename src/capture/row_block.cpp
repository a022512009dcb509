#include "src/capture/row_block.h"

#include <vector>

namespace pgflame::capture {

RowBlock block_of(const unwind::Table& table) {
  RowBlock block;
  if (table.rows.empty()) return block;
  block.page_count = (table.rows.back().pc >> PGF_PAGE_SHIFT) + 1;
  block.row_count = static_cast<uint32_t>(table.rows.size());
  return block;
}

void write_block(const unwind::Table& table,
                 const RuleNumber& rule_number,
                 std::span<pgf_unwind_row> out) {
  const RowBlock block = block_of(table);
  // An entry's pc is the number of the last row that is not behind the page's first byte.
  uint32_t row = 0;
  for (uint32_t page = 0; page <= block.page_count; ++page) {
    const uint64_t start = uint64_t{page} << PGF_PAGE_SHIFT;
    while (row + 1 < block.row_count && table.rows[row + 1].pc <= start)
      ++row;
    out[page] = {row, 0, 0};
  }
  std::vector<uint16_t> numbers;
  numbers.reserve(table.rules.size());
  for (const unwind::Rule& rule : table.rules)
    numbers.push_back(rule_number(rule));
  auto next = out.begin() + block.page_count + 1;
  for (const unwind::Row& from : table.rows)
    *next++ = {from.pc, numbers[from.rule], 0};
}

}  // namespace pgflame::capture
