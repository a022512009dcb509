// Writes a profile in the formats of other tools.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/base/error.h"
#include "src/base/pieces.h"
#include "src/profile/profile.h"

namespace pgflame::convert {

enum class Target {
  kFolded,      // "comm;outermost;...;innermost count" per line, for flame graph tools;
                // of several clusters "comm (port 5432);..."
  kPprof,       // gzip-compressed, for go tool pprof, Pyroscope, Parca, Grafana
  kPerfScript,  // as perf script prints it; samples without microseconds stand at their second
  kSpeedscope,  // https://www.speedscope.app/file-format-schema.json
  kFirefox,     // https://profiler.firefox.com, "processed profile" format
  kJson,        // all tables of the profile, as they are
};

// "folded", "pprof", "perf-script", "speedscope", "firefox", "json".
std::optional<Target> parse_target(std::string_view name);
// Whether the format says when each sample was, finer than the second.
bool has_moments(Target target);
std::string_view file_extension(Target target);  // with the dot: ".folded"

// Fails when the format would take gigabytes for it: perf script repeats a stack for each sample.
Status convert(const Profile& profile, Target target, const PieceSink& put);
// The same in one piece.
Result<std::string> convert(const Profile& profile, Target target);

}  // namespace pgflame::convert
