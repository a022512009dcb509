// A module's block in the kernel's row array: a page index, then the rows. The index makes a lookup
// touch three or four cache lines instead of fifteen, which is most of what a walk costs.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "bpf/unwind_table.h"
#include "symbolizer/unwind/table.h"

namespace pgflame::capture {

// Gives a rule its number in the kernel's rule array.
using RuleNumber = std::function<uint16_t(const unwind::Rule&)>;

struct RowBlock {
  uint32_t page_count = 0;
  uint32_t row_count = 0;
  // The index has one entry more than there are pages.
  uint32_t size() const { return page_count + 1 + row_count; }
};

RowBlock block_of(const unwind::Table& table);

// `out` has block_of(table).size() rows.
void write_block(const unwind::Table& table,
                 const RuleNumber& rule_number,
                 std::span<pgf_unwind_row> out);

}  // namespace pgflame::capture
