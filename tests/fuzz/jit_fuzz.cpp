// Hostile .eh_frame sections of code made at run time, registered and withdrawn in any order: what
// is published stays disjoint and inside its corner, and no two modules share a row.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/capture/jit_tables.h"
#include "symbolizer/unwind/byte_cursor.h"

using pgflame::capture::JitTables;
using pgflame::unwind::ByteCursor;

namespace {

constexpr uint32_t kFirstRow = 1000;
constexpr int32_t kProcesses = 4;

void check(const JitTables& tables) {
  std::vector<bool> taken(JitTables::kRows);
  for (int32_t pid = 0; pid < kProcesses; ++pid) {
    uint64_t end = 0;
    for (const pgf_unwind_mapping& mapping : tables.mappings(pid)) {
      if (mapping.start < end || mapping.end < mapping.start) __builtin_trap();
      end = mapping.end;
      if (mapping.first_row < kFirstRow + mapping.page_count + 1) __builtin_trap();
      const uint32_t first = mapping.first_row - kFirstRow - mapping.page_count - 1;
      const uint32_t last = first + mapping.page_count + 1 + mapping.row_count;
      if (last > JitTables::kRows) __builtin_trap();
      for (uint32_t row = first; row < last; ++row) {
        if (taken[row]) __builtin_trap();
        taken[row] = true;
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static std::vector<pgf_unwind_row> rows(JitTables::kRows);
  uint16_t rules = 0;
  JitTables tables(rows, kFirstRow, [&](const pgflame::unwind::Rule&) { return ++rules; });
  ByteCursor input({data, size});
  while (input.ok() && input.remaining() > 0) {
    const uint8_t what = input.u8();
    const int32_t pid = what % kProcesses;
    const uint64_t address = uint64_t{input.u8()} << 12U;
    switch (what / kProcesses % 4) {
      case 0:
        tables.remove(pid, address);
        break;
      case 1:
        if (what >= 128) tables.forget(pid);
        break;
      default:
        (void)tables.add(pid, address, input.take(size_t{input.u8()} * 4));
    }
  }
  check(tables);
  return 0;
}
