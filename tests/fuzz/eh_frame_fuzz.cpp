#include <cstddef>
#include <cstdint>
#include <span>

#include "symbolizer/unwind/table.h"

using namespace pgflame::unwind;

namespace {

void check(const Table& table) {
  for (size_t i = 0; i < table.rows.size(); ++i) {
    if (table.rows[i].rule >= table.rules.size()) __builtin_trap();
    if (i > 0 && table.rows[i].pc <= table.rows[i - 1].pc) __builtin_trap();
    if (i > 0 && table.rows[i].rule == table.rows[i - 1].rule) __builtin_trap();
  }
  if (!table.rows.empty() && table.rows.back().rule != PGF_RULE_NONE) __builtin_trap();
}

}  // namespace

// The first byte says what the rest is: a section in one of its forms, or an ELF file.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  if ((data[0] & 0x80) != 0) {
    const auto image = ElfImage::from_memory({bytes.begin(), bytes.end()});
    if (image) check(compile_table(*image));
    return 0;
  }
  FrameSection section;
  section.bytes = bytes;
  section.address = (data[0] & 0x40) != 0 ? 0x7f0000001000 : 0x1000;
  section.format = (data[0] & 0x20) != 0 ? FrameFormat::kDebugFrame : FrameFormat::kEhFrame;
  section.address_size = (data[0] & 0x10) != 0 ? 4 : 8;
  const auto machine = static_cast<Machine>(1 + (data[0] & 3) % 3);
  check(compile_table(section, machine));
  (void)function_ranges(bytes, section.address);
  return 0;
}
