// Any bytes as a stripped extension module whose functions are to be recognised.
#include <cstddef>
#include <cstdint>

#include "symbolizer/function_bounds.h"
#include "symbolizer/recovery.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgflame::symbolizer;
  const auto image = ElfImage::parse({data, size});
  if (!image) return 0;
  FunctionTable table = FunctionTable::from_image(*image, function_bounds(*image));
  constexpr Product kModule{"pg_stat_statements", 15};  // the smallest references
  recover_with(*image, table, kModule, witnesses_for(kModule, references()));
  return 0;
}
