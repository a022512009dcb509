// A module's unwind information compiled for lookup by address. Rows are sorted by pc, neighbours
// differ, stretches without information have rule 0, and the last row ends the module.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "symbolizer/unwind/elf_image.h"
#include "symbolizer/unwind/rule.h"

namespace pgflame::unwind {

struct Table {
  uint64_t base = 0;                 // virtual address that Row::pc counts from
  std::vector<Row> rows;             // Row::rule indexes `rules`
  std::vector<Rule> rules;           // without duplicates; the first is all zero
  uint64_t covered_bytes = 0;        // of code that has a rule
  uint64_t frame_pointer_bytes = 0;  // of these, where the CFA is found through the frame pointer
  bool bare = false;                 // see is_bare(); false for a section on its own

  // The rule at a virtual address. Where there is none it is the zero rule, or in a bare module
  // PGF_CFA_CHAIN.
  const Rule& at(uint64_t address) const;
};

Table compile_table(const FrameSection& section, Machine machine);

// Whether next to none of a module's code has a rule: its compiler wrote no unwind information,
// what there is comes from objects that were linked in. A gap in other modules is assembly, which
// nobody expects to keep frame pointers.
bool is_bare(const Table& table, const LoadSegments& segments);

// From .eh_frame, or .debug_frame where that one covers more code. Empty when there is neither.
Table compile_table(const ElfImage& image);

}  // namespace pgflame::unwind
