// Unwind tables of code that LLVM made at run time, by process. They live in a corner of the
// kernel's row array that is cut into equal blocks, one per compiled module; a freed block waits at
// the end of the queue, so that a walk which began before does not see it change.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "bpf/unwind_table.h"
#include "src/capture/row_block.h"

namespace pgflame::capture {

class JitTables {
 public:
  static constexpr uint32_t kBlockRows = 512;
  static constexpr uint32_t kBlocks = 128;

  // `rows` has room for kBlocks blocks and begins at row `first_row` of the array.
  JitTables(std::span<pgf_unwind_row> rows, uint32_t first_row, RuleNumber rule_number);

  // `section` is what __register_frame was given, `address` where it lies. False when it holds no
  // function, is too large, or there is no room.
  bool add(int32_t pid, uint64_t address, std::span<const uint8_t> section);
  void remove(int32_t pid, uint64_t address);
  void forget(int32_t pid);
  bool contains(int32_t pid) const { return by_process_.contains(pid); }
  std::vector<int32_t> pids() const;

  // The process' code, by start, disjoint.
  std::vector<pgf_unwind_mapping> mappings(int32_t pid) const;

 private:
  struct Code {
    uint32_t block = 0;
    pgf_unwind_mapping mapping{};
  };

  std::span<pgf_unwind_row> rows_;
  uint32_t first_row_;
  RuleNumber rule_number_;
  std::deque<uint32_t> free_;
  std::unordered_map<int32_t, std::map<uint64_t, Code>> by_process_;  // by section address
};

}  // namespace pgflame::capture
