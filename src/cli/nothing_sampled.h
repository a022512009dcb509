// Why there is nothing to report: one error for each cause.
#pragma once

#include <optional>

#include "src/base/error.h"
#include "src/input/input.h"
#include "src/profile/profile.h"

namespace pgflame::cli {

// Nothing when a sample is there, or none was before the filters. The hint says what was.
std::optional<Error> nothing_left(const Profile& profile, const input::Options& filters);

enum class Origin { kRecording, kFile };
Error nothing_sampled(const Profile& profile, Origin origin);

}  // namespace pgflame::cli
