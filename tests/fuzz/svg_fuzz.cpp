#include <string>

#include "src/input/svg.h"
#include "src/profile/pprof.h"
#include "tests/fuzz/input_bytes.h"

// The bytes as a picture, and as what stands behind the marker of the profile inside one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgflame;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto opened = fuzz::open_bytes(data, size, {});
  if (opened) fuzz::check(opened->profile);
  const std::string picture =
      "<svg><metadata id=\"pgflame-profile\">" + std::string(bytes) + "</metadata></svg>";
  if (const auto inside = input::profile_inside_svg(picture)) (void)read_pprof(*inside);
  return 0;
}
