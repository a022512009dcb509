#include "src/capture/jit_tables.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/profile/address_space.h"

namespace pgflame::capture {
namespace {

struct Entries {
  std::span<const uint8_t> bytes;
  bool complete = false;
};

// Up to the zero length that ends it; what follows in memory is something else.
Entries up_to_terminator(std::span<const uint8_t> section) {
  size_t at = 0;
  while (section.size() - at >= sizeof(uint32_t)) {
    uint32_t length = 0;
    std::memcpy(&length, section.data() + at, sizeof length);
    if (length == 0) return {section.first(at), true};
    if (length > section.size() - at - sizeof length) break;
    at += sizeof length + length;
  }
  return {section.first(at), false};
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
  uint32_t next = 0;
  for (uint32_t size = 0; size < kSizes.size(); ++size) {
    for (uint32_t i = 0; i < kSizes[size].blocks; ++i, next += kSizes[size].block_rows)
      free_[size].push_back({next, size});
  }
}

// Of the smallest size that is large enough, or the next when there are no more.
std::optional<JitTables::Block> JitTables::take_block(uint32_t rows) {
  for (size_t size = 0; size < kSizes.size(); ++size) {
    if (rows > kSizes[size].block_rows || free_[size].empty()) continue;
    const Block block = free_[size].front();
    free_[size].pop_front();
    return block;
  }
  return std::nullopt;
}

JitTables::Added JitTables::add(int32_t pid, uint64_t address, std::span<const uint8_t> section) {
  remove(pid, address);
  const Entries entries = up_to_terminator(section);
  const unwind::Table table = unwind::compile_table({entries.bytes, address}, kOwnMachine);
  if (table.rows.empty()) return entries.complete ? Added::kNoFunction : Added::kCut;
  const RowBlock rows = block_of(table);
  const auto block = take_block(rows.size());
  if (!block) return Added::kNoRoom;
  write_block(table, rule_number_, rows_.subspan(block->first_row, rows.size()));
  Code code;
  code.block = *block;
  code.mapping.start = table.base;
  code.mapping.end = table.base + table.rows.back().pc;
  code.mapping.base = table.base;
  code.mapping.first_row = first_row_ + block->first_row + rows.page_count + 1;
  code.mapping.row_count = rows.row_count;
  code.mapping.page_count = rows.page_count;
  code.mapping.flags = PGF_MAPPING_JIT;
  by_process_[pid][address] = code;
  return entries.complete ? Added::kYes : Added::kCut;
}

void JitTables::remove(int32_t pid, uint64_t address) {
  const auto process = by_process_.find(pid);
  if (process == by_process_.end()) return;
  const auto code = process->second.find(address);
  if (code == process->second.end()) return;
  give_back(code->second.block);
  process->second.erase(code);
  if (process->second.empty()) by_process_.erase(process);
}

void JitTables::forget(int32_t pid) {
  const auto process = by_process_.find(pid);
  if (process == by_process_.end()) return;
  for (const auto& [address, code] : process->second)
    give_back(code.block);
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

bool has_run_time_code(std::string_view maps_text) {
  const std::vector<MapsLine> lines = parse_maps(maps_text);
  const auto is_code = [](const MapsLine& line) {
    return line.executable && kind_of_code(line.path, true) == ModuleKind::kJit &&
           !line.path.starts_with('[');
  };
  return std::ranges::any_of(lines, is_code) &&
         std::ranges::any_of(lines, makes_code, &MapsLine::path);
}

std::string note_on(const RunTimeCode& code) {
  if (code.cut + code.refused == 0) return {};
  return fmt::format(
      "Code made at run time (JIT): of {} the unwind information was too large and "
      "was cut, and that of {} found no room; stacks that meet it may end there.",
      counted(code.cut, "module"),
      counted(code.refused, "module"));
}

}  // namespace pgflame::capture
