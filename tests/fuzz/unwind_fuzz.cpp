// Hostile tables, registers and stacks: a walk ends, never reads outside the dump, and goes up.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "symbolizer/unwind/byte_cursor.h"
#include "symbolizer/unwind/step.h"
#include "symbolizer/unwind/table.h"

using pgflame::UserDump;
using namespace pgflame::unwind;

namespace {

Table read_table(ByteCursor& input) {
  Table table;
  table.rules.push_back(Rule{});
  const unsigned rules = input.u8() % 16;
  for (unsigned i = 0; i < rules; ++i) {
    Rule rule{};
    const auto raw = input.take(sizeof rule);
    if (!raw.empty()) std::memcpy(&rule, raw.data(), raw.size());
    table.rules.push_back(rule);
  }
  uint32_t pc = 0;
  const unsigned rows = input.u8() % 32;
  for (unsigned i = 0; i < rows; ++i) {
    pc += 1 + input.u8();
    table.rows.push_back({pc, static_cast<uint16_t>(input.u8() % table.rules.size()), 0});
  }
  return table;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteCursor input({data, size});
  const uint8_t machine = input.u8() % 4;
  const Table table = read_table(input);
  UserDump captured;
  captured.machine = static_cast<pgflame::DumpMachine>(machine);
  captured.abi = input.u8() % 4;
  captured.register_mask = input.u64();
  std::vector<uint64_t> registers(input.u8() % 40);
  for (uint64_t& value : registers)
    value = input.u64();
  captured.registers = registers;
  captured.stack = input.take(input.remaining());
  auto dump = read_dump(captured);
  if (!dump) return 0;
  for (int i = 0; i < PGF_MAX_USER_FRAMES; ++i) {
    const uint64_t before = dump->frame.sp;
    const Rule& rule = table.at(pgf_lookup_pc(&dump->frame));
    const bool upwards = rule.cfa != PGF_CFA_SIGNAL && rule.ra != PGF_RA_LINK_REGISTER;
    const int end = rule.cfa == PGF_CFA_NONE ? pgf_step_fp(&dump->frame, &dump->memory)
                                             : pgf_step(&dump->frame, &rule, &dump->memory);
    if (end != PGF_GO_ON) {
      (void)stack_end_of(end);
      return 0;
    }
    if (upwards && dump->frame.sp <= before) __builtin_trap();
  }
  return 0;
}
