// Which samples the user wants.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/error.h"
#include "src/input/input.h"

namespace pgflame::input {

// "A,B" of --time: seconds since the first sample ("10,20", "1m,1m30s"), wall-clock times
// ("2026-11-21 05:35:00,2026-11-21 05:36:00" in UTC, "05:35,05:36:30" of the day of the capture, or
// "@1795238100,@1795238160"), either end left out ("30,").
struct TimeRange {
  bool wall_clock = false;   // Unix nanoseconds, else nanoseconds since the first sample
  bool time_of_day = false;  // nanoseconds since midnight, UTC, until on_day() tells the day
  int64_t from = INT64_MIN;
  int64_t to = INT64_MAX;  // exclusive
};
Result<std::optional<TimeRange>> parse_time_range(std::string_view text);

// With the day: a time of day is the first one behind the start of the capture, and the beginning
// of a range the last one before its end.
TimeRange on_day(TimeRange range, int64_t start_unix_ns);
// An error when there may be several such days.
Status check_day(const TimeRange& range, const Recording& recording);

// The same range in nanoseconds since the first sample, which was at start_unix_ns.
TimeRange since_first(const TimeRange& range, int64_t start_unix_ns);

// Makes start and duration those of the part of the recording that lies in the range, and forgets
// the sums that are known of the whole only. Where no part does, nothing changes. Returns how much
// later the start is, in nanoseconds.
int64_t narrow(Recording& recording, const TimeRange& range);

// What can be decided for one sample without knowing when it was.
class SampleFilter {
 public:
  explicit SampleFilter(const Options& options) : options_(&options) {}

  // No filter by process is set.
  bool accepts_all() const {
    return options_->pids.empty() && options_->comms.empty() && !options_->exclude_idle;
  }
  bool accepts(int32_t pid, std::string_view comm, State state) const;

 private:
  const Options* options_;
};

// Drops what the user does not want from a finished profile and counts it in Loss::kFiltered.
void filter_processes(Profile& profile, const Options& options);
// Also by time, whose bounds are moved to whole seconds, which is what finished profiles have.
Status filter_profile(Profile& profile, const Options& options);

// The answer to --time with times of day, where the recording does not know them.
Error no_time_of_day();
// And to any --time, where the samples have no times.
Error no_times();
// The answer to --event, where the samples do not tell theirs.
Error no_events();

}  // namespace pgflame::input
