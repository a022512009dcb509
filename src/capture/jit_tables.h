// Unwind tables of code that LLVM made at run time, by process. They live in a corner of the
// kernel's row array that is cut into blocks of two sizes, one per compiled module; a freed block
// waits at the end of the queue, so that a walk which began before does not see it change.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bpf/unwind_table.h"
#include "src/capture/row_block.h"
#include "src/profile/profile.h"

namespace pgflame::capture {

class JitTables {
 public:
  struct Size {
    uint32_t block_rows;
    uint32_t blocks;
  };
  // Expressions of a query have some dozens of rows, those of a hundred partitions thousands.
  static constexpr std::array<Size, 2> kSizes{{{512, 128}, {8192, 8}}};
  static constexpr uint32_t kRows = [] {
    uint32_t rows = 0;
    for (const Size& size : kSizes)
      rows += size.block_rows * size.blocks;
    return rows;
  }();

  enum class Added : uint8_t {
    kYes,
    kCut,         // the section's end is missing, and with it some functions
    kNoFunction,  // nothing to add
    kNoRoom,
  };

  // `rows` has room for kRows rows and begins at row `first_row` of the array.
  JitTables(std::span<pgf_unwind_row> rows, uint32_t first_row, RuleNumber rule_number);

  // `section` is what __register_frame was given, `address` where it lies.
  Added add(int32_t pid, uint64_t address, std::span<const uint8_t> section);
  void remove(int32_t pid, uint64_t address);
  void forget(int32_t pid);
  bool contains(int32_t pid) const { return by_process_.contains(pid); }
  std::vector<int32_t> pids() const;

  // The process' code, by start, disjoint.
  std::vector<pgf_unwind_mapping> mappings(int32_t pid) const;

 private:
  struct Block {
    uint32_t first_row = 0;  // of this corner
    uint32_t size = 0;       // row of kSizes
  };
  struct Code {
    Block block;
    pgf_unwind_mapping mapping{};
  };

  std::optional<Block> take_block(uint32_t rows);
  void give_back(const Block& block) { free_[block.size].push_back(block); }

  std::span<pgf_unwind_row> rows_;
  uint32_t first_row_;
  RuleNumber rule_number_;
  std::array<std::deque<Block>, kSizes.size()> free_;
  std::unordered_map<int32_t, std::map<uint64_t, Code>> by_process_;  // by section address
};

// Whether a process with these maps (/proc/PID/maps) has executable memory beside a library that
// fills such memory.
bool has_run_time_code(std::string_view maps_text);

// For the report: what of it could not be stored. Empty when all could.
std::string note_on(const RunTimeCode& code);

}  // namespace pgflame::capture
