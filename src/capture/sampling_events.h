// The event that runs the sampling program, opened on every CPU.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "src/base/error.h"
#include "src/base/file.h"
#include "src/capture/expected_firings.h"
#include "src/profile/profile.h"

namespace pgflame::capture {

class SamplingEvents {
 public:
  explicit SamplingEvents(double rate_hz);

  // `program`: descriptor of a BPF program for perf events.
  Status start(int program);
  void stop();

  const pgflame::Event& event() const { return event_; }

  // Halves the rate of a clock; the samples go on carrying the old period. Returns the new one in
  // nanoseconds, 0 when the rate is as low as it makes sense or cannot be changed.
  uint64_t halve_rate();

  // How many samples of targets the kernel left out, as it does silently while another BPF program
  // runs on the CPU, by how often the program ran (COUNT_FIRINGS, COUNT_TARGET_FIRINGS, by CPU).
  // Only a clock says how often it should have run; nothing for others.
  std::optional<uint64_t> skipped(const std::vector<uint64_t>& seen,
                                  const std::vector<uint64_t>& of_targets) const;

 private:
  pgflame::Event event_;
  std::vector<FileHandle> handles_;  // one per CPU
  ExpectedFirings expected_;
};

}  // namespace pgflame::capture
