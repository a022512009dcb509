#include "tests/fuzz/input_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto opened = pgflame::fuzz::open_bytes(data, size, {});
  if (opened) pgflame::fuzz::check(opened->profile);
  return 0;
}
