// Any bytes as mangled names: no name may become a text without bound.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "symbolizer/demangle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* prefix : {"", "_Z", "_R"}) {
    const std::string name = prefix + text;
    if (pgflame::symbolizer::demangle(name).size() > (size_t{64} << 10) + name.size()) std::abort();
  }
  return 0;
}
