#include "src/input/input.h"

namespace pgflame::input {

Result<Opened> open(const std::string& path, const Options& /*options*/) {
  return fail(ErrorKind::kUnsupported, path + ": unknown format");
}

}  // namespace pgflame::input
