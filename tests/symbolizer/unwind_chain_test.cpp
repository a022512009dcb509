// Walks through modules without unwind information, by frame pointers.
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include <doctest/doctest.h>

#include "symbolizer/unwind/table.h"
#include "symbolizer/unwind/walk.h"

using namespace pgflame::unwind;
using pgflame::StackEnd;
using pgflame::UserStack;

namespace {

constexpr uint64_t kCode = 0x400000;
constexpr uint64_t kCodeEnd = 0x500000;
constexpr uint64_t kStack = 0x7000;

using Words = std::vector<uint64_t>;

// Of code that is called with an empty stack frame: the return address lies at the stack pointer.
const Rule kLeaf{PGF_CFA_SP, PGF_FP_SAME, PGF_RA_AT_CFA, 0, 8, 0, -8};

// A thread at the first address of the code, its frame pointer on the stack's second word.
Dump dump_of(const Words& stack) {
  Dump dump;
  dump.frame.pc = kCode;
  dump.frame.sp = kStack;
  dump.frame.fp = kStack + 8;
  dump.frame.fp_known = 1;
  dump.frame.exact = PGF_INNERMOST;
  dump.memory.stack_start = kStack;
  dump.memory.stack = {reinterpret_cast<const uint8_t*>(stack.data()), stack.size() * 8};
  return dump;
}

UserStack walk(const Words& stack, const Table& table, ByTable by_table = ByTable::kAll) {
  Dump dump = dump_of(stack);
  const auto rule_at = [&](uint64_t pc) {
    return pc >= kCode && pc < kCodeEnd ? &table.at(pc) : nullptr;
  };
  return walk_dump(dump, rule_at, by_table);
}

Table bare() {
  Table table;
  table.bare = true;
  return table;
}

// Rows for the first 0x100 bytes of the code only.
Table with_rows(bool is_bare) {
  Table table;
  table.base = kCode;
  table.rules = {Rule{}, kLeaf};
  table.rows = {{0, 1, 0}, {0x100, 0, 0}};
  table.bare = is_bare;
  return table;
}

// Two frame records, which lead to 0x400200 and 0x400300, and an end.
const Words kRecords{0, kStack + 24, 0x400200, kStack + 40, 0x400300, 0, 0x400400};

}  // namespace

TEST_SUITE("symbolizer") {
  TEST_CASE("a module without unwind information is walked by frame pointers, never to the root") {
    const UserStack stack = walk(kRecords, bare());
    CHECK(stack.addresses == Words{kCode, 0x400200, 0x400300, 0x400400});
    CHECK(stack.end == StackEnd::kUnknown);
  }

  TEST_CASE("what a frame pointer leads to is a frame only when it is code") {
    Words records = kRecords;
    records[4] = 0x69642f7076652f6f;  // text
    const UserStack stack = walk(records, bare());
    CHECK(stack.addresses == Words{kCode, 0x400200});
    CHECK(stack.end == StackEnd::kUnknown);
  }

  TEST_CASE("a frame pointer below the stack, far above it or at an odd place leads nowhere") {
    for (const uint64_t wild : {kStack - 8, kStack + (2 << 20), kStack + 25}) {
      Words records = kRecords;
      records[1] = wild;
      const UserStack stack = walk(records, bare());
      CHECK(stack.addresses == Words{kCode, 0x400200});
      CHECK(stack.end == StackEnd::kUnknown);
    }
  }

  TEST_CASE("where a bare module has a row it is used, a gap in another module is a stop") {
    Words records = kRecords;
    records[0] = 0x400180;  // the innermost function's caller, which only the table finds
    CHECK(walk(records, with_rows(true)).addresses ==
          Words{kCode, 0x400180, 0x400200, 0x400300, 0x400400});
    const UserStack stopped = walk(records, with_rows(false));
    CHECK(stopped.addresses == Words{kCode, 0x400180});
    CHECK(stopped.end == StackEnd::kNoUnwindInfo);
  }

  TEST_CASE("only the innermost frame's caller comes from the table when that is asked for") {
    Words records = kRecords;
    records[0] = 0x400180;
    const UserStack stack = walk(records, with_rows(false), ByTable::kInnermost);
    CHECK(stack.addresses == Words{kCode, 0x400180, 0x400200, 0x400300, 0x400400});
    CHECK(stack.end == StackEnd::kUnknown);
  }

  TEST_CASE("a module is bare when next to none of its code has a rule") {
    LoadSegments segments;
    segments.add({kCode, 0, 6 << 20});
    Table table;
    CHECK(is_bare(table, segments));
    table.covered_bytes = 3540;  // of start code and libgcc, in a build for aarch64
    CHECK(is_bare(table, segments));
    table.covered_bytes = 1 << 20;
    CHECK_FALSE(is_bare(table, segments));
    segments.add({kCode, 0, UINT64_MAX});
    CHECK(segments.size() == UINT64_MAX);
  }
}
