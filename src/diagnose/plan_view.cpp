#include "src/diagnose/plan_view.h"

#include <array>
#include <map>
#include <string>
#include <utility>

#include "src/base/large_memory.h"
#include "src/profile/builder.h"

namespace pgflame::diagnose {
namespace {

// Everything of the profile that a view of it shares.
Profile without_stacks(const Profile& profile) {
  Profile base;
  base.recording = profile.recording;
  base.clusters = profile.clusters;
  base.backends = profile.backends;
  base.applications = profile.applications;
  base.queries = profile.queries;
  base.stacks.add(StackNode{});
  return base;
}

class Viewer {
 public:
  explicit Viewer(const Analysis& analysis)
      : analysis_(analysis), builder_(without_stacks(analysis.profile())) {}

  Profile view() {
    std::vector<StackId> stacks;
    stacks.reserve(analysis_.uses().size());
    for (const StackUse& use : analysis_.uses())
      stacks.push_back(stack_of(use));
    reserve_large(builder_.profile().samples, analysis_.series().size());
    for (size_t i = 0; i < analysis_.series().size(); ++i) {
      const uint32_t use = analysis_.use_of_series()[i];
      if (use == Analysis::kNotRunning) continue;
      Sample sample = analysis_.series()[i].sum;
      sample.stack = stacks[use];
      builder_.profile().samples.push_back(sample);
    }
    return std::move(builder_).take();
  }

 private:
  StackId stack_of(const StackUse& use) {
    StackId stack = kEmptyStack;
    plan_nodes(analysis_.nodes(use), SIZE_MAX, nodes_);
    for (size_t i = nodes_.size(); i > 0; --i)
      stack = push(stack, nodes_[i - 1], "");
    const RuleIndex rule = use.classification.primary.rule;
    if (rule == kNoRule) return push(stack, "not recognised", "other");
    const Rule& known = analysis_.book().rules()[rule];
    return push(stack, known.title, known.area);
  }

  StackId push(StackId caller, std::string_view name, std::string_view area) {
    // Both are texts of tables that outlive the view: one text, one place.
    LocationId& location = locations_[{name.data(), area.data()}];
    if (!location.valid()) location = location_of(name, area);
    return builder_.push(caller, location);
  }

  // The area travels in the file field, which named functions of this view have no other use for.
  LocationId location_of(std::string_view name, std::string_view area) {
    Function function;
    function.name = name;
    function.file = area;
    function.tier = NameTier::kGiven;
    const std::array<Line, 1> lines{Line{builder_.function(function), 0}};
    return builder_.named_location({}, 0, lines);
  }

  const Analysis& analysis_;
  ProfileBuilder builder_;
  std::vector<std::string_view> nodes_;  // of the stack at hand, innermost first
  std::map<std::pair<const char*, const char*>, LocationId> locations_;
};

}  // namespace

void plan_nodes(std::span<const postgres::PlanNode> outwards,
                size_t most,
                std::vector<std::string_view>& nodes) {
  nodes.clear();
  for (const postgres::PlanNode node : outwards) {
    if (nodes.size() == most) break;
    if (node == postgres::PlanNode::kNone) continue;
    const std::string_view name = postgres::name_of(node);
    if (nodes.empty() || nodes.back() != name) nodes.push_back(name);
  }
}

Profile plan_view(const Analysis& analysis) {
  return Viewer(analysis).view();
}

Profile plan_view(const Profile& profile, const RuleBook& book) {
  return plan_view(Analysis(profile, book, {}));
}

}  // namespace pgflame::diagnose
