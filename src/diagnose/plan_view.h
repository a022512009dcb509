// The same samples with the C frames folded into plan nodes: Hash Join > Seq Scan > tuple
// deforming.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "src/diagnose/analysis.h"
#include "src/profile/profile.h"

namespace pgflame::diagnose {

// Sets `nodes` to the plan nodes of a stack: `outwards` are those of its frames from the leaf
// towards the root, the result is innermost first. Equal neighbours (recursion within one node) are
// one. At most `most` are looked for.
void plan_nodes(std::span<const postgres::PlanNode> outwards,
                size_t most,
                std::vector<std::string_view>& nodes);

// Tags, counts, weights and recording are kept; each on-CPU stack becomes the plan nodes on it from
// the outermost inwards and, as its leaf, the title of its activity. Samples outside of any plan
// node are kept under their activity alone. Equal neighbours (recursion within one node) are one
// frame. Samples in other states are left out; the others are one per series (series.h), in their
// order: the n-th sample of the view is the n-th on-CPU series of the selection.
//
// A frame's `file` is the area of an activity (see src/postgres/areas.h), empty for a plan node.
Profile plan_view(const Analysis& analysis);
Profile plan_view(const Profile& profile, const RuleBook& book = RuleBook::builtin());

}  // namespace pgflame::diagnose
