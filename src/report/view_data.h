// What the script needs to draw other views than the drawn ones: stacks and samples as JSON, which
// it reads without knowing how a profile is stored. Read by flamegraph/assets/tree.js.
//
//   {"names", "classes", "details": a row per frame (a function, wait event or plan node; 0 is the
//    root), "texts": what details point to,
//    "counted": what running samples count, "CPU" or an event's name,
//    "queries": [[id, label], ...],
//    "frame", "up": a row per stack (0 is the empty one): its innermost frame, and how many rows
//    before it its caller stands,
//    "samples": {"step", "plan", "waiting", "second", "query", "count", "weight"}: columns; the
//    stack is the sum of the steps so far, `plan` the stack in the plan view, the query a row plus
//    one}
#pragma once

#include <span>
#include <string>

#include "flamegraph/draw.h"
#include "src/profile/profile.h"
#include "src/profile/series.h"

namespace pgflame::report {

struct View {
  const Profile& profile;
  const flamegraph::FrameTree& tree;
  const flamegraph::Paint& paint;
};

// `stacks` holds the running and waiting samples of its profile, `plan` the plan view of it, whose
// samples are the running ones of `series`, which are those of the profile, in the same order.
std::string view_data(const View& stacks, const View& plan, std::span<const Series> series);

}  // namespace pgflame::report
