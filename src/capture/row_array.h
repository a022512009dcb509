// The kernel's array of rows, filled from its start with the tables of modules.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/unwind_table.h"
#include "src/capture/row_block.h"
#include "symbolizer/unwind/table.h"

namespace pgflame::capture {

class RowArray {
 public:
  // A module's part of the array, as pgf_unwind_mapping names it.
  struct Part {
    uint32_t first_row = 0;
    uint32_t row_count = 0;
    uint32_t page_count = 0;
  };

  RowArray(std::span<pgf_unwind_row> rows, RuleNumber rule_number);

  // Nothing: there is no room for the module, whose name is kept.
  std::optional<Part> store(const unwind::Table& table, std::string_view name);

  uint32_t used() const { return used_; }
  const std::vector<std::string>& refused() const { return refused_; }

 private:
  std::span<pgf_unwind_row> rows_;
  RuleNumber rule_number_;
  uint32_t used_ = 0;
  std::vector<std::string> refused_;
};

// For the report: which modules found no room. Empty when all did.
std::string note_on_refused(std::span<const std::string> modules);

}  // namespace pgflame::capture
