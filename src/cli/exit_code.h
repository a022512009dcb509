// What the shell sees.
#pragma once

#include "src/base/error.h"

namespace pgflame::cli {

enum class ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kNothingSampled = 3,
  kQualityTooLow = 4,  // below --strict, or a condition cannot be told
};

inline ExitCode exit_code_of(ErrorKind kind) {
  if (kind == ErrorKind::kUsage) return ExitCode::kUsage;
  if (kind == ErrorKind::kNoSamples) return ExitCode::kNothingSampled;
  return ExitCode::kFailed;
}

}  // namespace pgflame::cli
