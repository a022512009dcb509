// How a share of CPU samples changed between two profiles, frame by frame; by the same rule of
// noise as diagnose::compare.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flamegraph/counterparts.h"
#include "src/diagnose/difference.h"

namespace pgflame::report {

enum class Trend { kSame, kGrew, kShrank, kNew, kGone, kUntested };

struct Change {
  double before = 0;  // shares of the CPU samples of each profile
  double after = 0;
  Trend trend = Trend::kSame;  // kSame also when the difference can be noise

  double points() const { return (after - before) * 100; }
};

Change change_of(const diagnose::Delta& delta);

// By node of each tree. A frame's counterpart has the same path of names. Frames whose share is
// below DifferenceOptions::least_share on both sides are not tested and count as noise.
struct FrameChanges {
  std::vector<Change> before;
  std::vector<Change> after;
};
FrameChanges compare_frames(const flamegraph::Side& before,
                            const flamegraph::Side& after,
                            const diagnose::DifferenceOptions& options = {});

// The same without tests, for profiles that cannot carry claims.
FrameChanges untested_frames(const flamegraph::Side& before, const flamegraph::Side& after);

// "before 31.7 %, after 19.0 %: −12.7 points"; "within noise" when it can be, nothing
// behind the shares when they were not tested.
std::string describe(const Change& change);

// The fill of a frame: grey for noise and what was not tested, warm for more, blue for less.
std::string_view fill_of(const Change& change);

}  // namespace pgflame::report
