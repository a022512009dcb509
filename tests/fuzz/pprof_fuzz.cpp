#include <cstddef>
#include <cstdint>
#include <string_view>

#include "src/profile/pprof.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto profile = pgflame::read_pprof(bytes)) {
    const auto again = pgflame::read_pprof(pgflame::write_pprof(*profile));
    if (!pgflame::read_pprof(bytes, profile->recording.event.name)) __builtin_trap();
    if (!again || account(*again).captured != account(*profile).captured) __builtin_trap();
  }
  return 0;
}
