#include "src/cli/progress.h"

#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "src/base/text.h"

namespace pgflame::cli {

std::string progress_text(const capture::Progress& progress,
                          std::optional<std::chrono::nanoseconds> total) {
  const auto whole_seconds = [](std::chrono::nanoseconds time) {
    return format_duration(std::chrono::duration_cast<std::chrono::seconds>(time));
  };
  std::string elapsed =
      progress.elapsed < std::chrono::seconds(1) ? "0s" : whole_seconds(progress.elapsed);
  if (total) elapsed += "/" + format_duration(*total);
  return fmt::format("{}  {}  {}  {} lost",
                     elapsed,
                     counted(progress.samples, "sample"),
                     counted(progress.backends, "backend"),
                     format_count(progress.lost));
}

ProgressLine::ProgressLine(std::optional<std::chrono::nanoseconds> total)
    : total_(total), is_terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressLine::show(const capture::Progress& progress) {
  if (!is_terminal_) return;
  fmt::print(stderr, "\r{}\x1b[K", progress_text(progress, total_));
  (void)std::fflush(stderr);
  shown_ = true;
}

}  // namespace pgflame::cli
