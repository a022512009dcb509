#include "src/capture/capture.h"

namespace pgflame::capture {

Result<Profile> record(const Options& /*options*/, const Callbacks& /*callbacks*/) {
  return fail(ErrorKind::kUnsupported, "recording is not built yet");
}

}  // namespace pgflame::capture
