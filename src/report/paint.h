// The colours of frames and what their tooltips say beyond the name.
#pragma once

#include "flamegraph/draw.h"
#include "src/profile/profile.h"

namespace pgflame::report {

// Of stacks: functions by their Postgres area, wait events by their class. Keeps references to
// both.
flamegraph::Paint stack_paint(const Profile& profile, const flamegraph::FrameTree& tree);

// Of diagnose::plan_view: plan nodes are the executor's, activities have the area of their rule.
flamegraph::Paint plan_paint(const Profile& plan, const flamegraph::FrameTree& tree);

}  // namespace pgflame::report
