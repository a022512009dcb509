// Any bytes as an ELF file: symbols, unwind bounds, recovery, debug links, jitdumps, references.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "symbolizer/debug_files.h"
#include "symbolizer/function_table.h"
#include "symbolizer/jit_symbols.h"
#include "symbolizer/kernel_symbols.h"
#include "symbolizer/recovery.h"
#include "symbolizer/recovery/program.h"
#include "symbolizer/recovery/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgflame::symbolizer;
  const std::span<const uint8_t> bytes(data, size);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse_jitdump(bytes);
  parse_perf_map(std::string(text));
  parse_kallsyms(std::string(text));
  static_cast<void>(read_reference(text));
  auto image = ElfImage::parse(bytes);
  if (!image) return 0;
  const auto debug = unpack_mini_debug_info(*image);
  const ElfImage* debug_image = debug == nullptr ? nullptr : &*debug->image;
  const auto table = FunctionTable::from_image(*image, function_bounds(*image), debug_image);
  std::vector<uint64_t> starts{0, UINT64_MAX};
  for (const FunctionRange& range : table.ranges())
    starts.push_back(range.start);
  FunctionTable::from_image_at(*image, starts, debug_image);
  may_recover(*image, debug_image);
  read_program(*image, table);
  return 0;
}
