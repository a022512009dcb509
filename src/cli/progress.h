// The one line that moves while recording; nothing at all when standard error is no terminal.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "src/capture/capture.h"

namespace pgflame::cli {

// "12s/1m  1 187 samples  9 backends  0 lost"
std::string progress_text(const capture::Progress& progress,
                          std::optional<std::chrono::nanoseconds> total);

class ProgressLine {
 public:
  explicit ProgressLine(std::optional<std::chrono::nanoseconds> total);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();  // clears the line
  void show(const capture::Progress& progress);

 private:
  std::optional<std::chrono::nanoseconds> total_;
  bool is_terminal_;
  bool shown_ = false;
};

}  // namespace pgflame::cli
