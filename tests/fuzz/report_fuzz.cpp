// Any capture all the way through: diagnosed, drawn, written, redacted and compared with itself.
#include <cstddef>
#include <cstdint>

#include "src/diagnose/diagnose.h"
#include "src/diagnose/difference.h"
#include "src/report/redact.h"
#include "src/report/report.h"
#include "tests/fuzz/input_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgflame;
  const auto opened = fuzz::open_bytes(data, size, {});
  if (!opened) return 0;
  const Profile& profile = opened->profile;
  const auto diagnosis = diagnose::diagnose(profile);
  if (!report::to_svg(profile, diagnosis).ends_with("</svg>\n")) __builtin_trap();
  (void)report::to_markdown(profile, diagnosis);
  (void)report::to_json(profile, diagnosis);
  (void)report::to_terminal(profile, diagnosis);
  (void)report::strings_in(report::redact(profile, {1, 2}));
  (void)report::to_diff_svg(profile, profile, diagnose::compare(profile, profile));
  return 0;
}
