#include "src/capture/jit_tables.h"

#include <algorithm>
#include <cstring>

namespace pgflame::capture {
namespace {

// Up to the zero length that ends it; what follows in memory is something else.
std::span<const uint8_t> up_to_terminator(std::span<const uint8_t> section) {
  size_t at = 0;
  while (section.size() - at >= sizeof(uint32_t)) {
    uint32_t length = 0;
    std::memcpy(&length, section.data() + at, sizeof length);
    if (length == 0 || length > section.size() - at - sizeof length) break;
    at += sizeof length + length;
  }
  return section.first(at);
}

constexpr unwind::Machine kOwnMachine =
#if defined(__aarch64__)
    unwind::Machine::kAarch64;
#else
    unwind::Machine::kX8664;
#endif

}  // namespace

JitTables::JitTables(std::span<pgf_unwind_row> rows, uint32_t first_row, RuleNumber rule_number)
    : rows_(rows), first_row_(first_row), rule_number_(std::move(rule_number)) {
  for (uint32_t block = 0; block < kBlocks; ++block)
    free_.push_back(block);
}

bool JitTables::add(int32_t pid, uint64_t address, std::span<const uint8_t> section) {
  remove(pid, address);
  const unwind::Table table =
      unwind::compile_table({up_to_terminator(section), address}, kOwnMachine);
  const RowBlock block = block_of(table);
  if (table.rows.empty() || block.size() > kBlockRows || free_.empty()) return false;
  Code code;
  code.block = free_.front();
  free_.pop_front();
  const size_t offset = size_t{code.block} * kBlockRows;
  write_block(table, rule_number_, rows_.subspan(offset, block.size()));
  code.mapping.start = table.base;
  code.mapping.end = table.base + table.rows.back().pc;
  code.mapping.base = table.base;
  code.mapping.first_row = first_row_ + static_cast<uint32_t>(offset) + block.page_count + 1;
  code.mapping.row_count = block.row_count;
  code.mapping.page_count = block.page_count;
  code.mapping.flags = PGF_MAPPING_JIT;
  by_process_[pid][address] = code;
  return true;
}

void JitTables::remove(int32_t pid, uint64_t address) {
  const auto process = by_process_.find(pid);
  if (process == by_process_.end()) return;
  const auto code = process->second.find(address);
  if (code == process->second.end()) return;
  free_.push_back(code->second.block);
  process->second.erase(code);
  if (process->second.empty()) by_process_.erase(process);
}

void JitTables::forget(int32_t pid) {
  const auto process = by_process_.find(pid);
  if (process == by_process_.end()) return;
  for (const auto& [address, code] : process->second)
    free_.push_back(code.block);
  by_process_.erase(process);
}

std::vector<int32_t> JitTables::pids() const {
  std::vector<int32_t> pids;
  for (const auto& [pid, codes] : by_process_)
    pids.push_back(pid);
  return pids;
}

std::vector<pgf_unwind_mapping> JitTables::mappings(int32_t pid) const {
  std::vector<pgf_unwind_mapping> mappings;
  const auto process = by_process_.find(pid);
  if (process == by_process_.end()) return mappings;
  for (const auto& [address, code] : process->second)
    mappings.push_back(code.mapping);
  std::ranges::sort(mappings, {}, &pgf_unwind_mapping::start);
  const auto overlap = [](const pgf_unwind_mapping& a, const pgf_unwind_mapping& b) {
    return b.start < a.end;
  };
  // Two claims to the same memory: the library was not told that the older one is gone.
  for (auto at = std::ranges::adjacent_find(mappings, overlap); at != mappings.end();
       at = std::ranges::adjacent_find(mappings, overlap))
    mappings.erase(at);
  return mappings;
}

}  // namespace pgflame::capture
