#include "src/capture/row_array.h"

#include <algorithm>

#include <fmt/format.h>

namespace pgflame::capture {

RowArray::RowArray(std::span<pgf_unwind_row> rows, RuleNumber rule_number)
    : rows_(rows), rule_number_(std::move(rule_number)) {}

std::optional<RowArray::Part> RowArray::store(const unwind::Table& table, std::string_view name) {
  const RowBlock block = block_of(table);
  if (block.size() > rows_.size() - used_) {
    refused_.emplace_back(name);
    return std::nullopt;
  }
  write_block(table, rule_number_, rows_.subspan(used_, block.size()));
  const Part part{used_ + block.page_count + 1, block.row_count, block.page_count};
  used_ += block.size();
  return part;
}

std::string note_on_refused(std::span<const std::string> modules) {
  constexpr size_t kMostNamed = 8;
  if (modules.empty()) return {};
  const auto named = modules.first(std::min(modules.size(), kMostNamed));
  const size_t others = modules.size() - named.size();
  return fmt::format("The tables for walking stacks had no room for {}{}; stacks end there.",
                     fmt::join(named, ", "),
                     others > 0 ? fmt::format(" and {} more", others) : std::string());
}

}  // namespace pgflame::capture
