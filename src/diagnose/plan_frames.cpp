#include "src/diagnose/plan_frames.h"

#include <algorithm>
#include <span>

#include "src/postgres/function_names.h"

namespace pgflame::diagnose {

using postgres::PlanNode;

PlanFrames::PlanFrames(const Profile& profile) : profile_(profile) {
  roles_.resize(profile.functions.size());
  for (size_t i = 0; i < profile.functions.size(); ++i) {
    const Function& function = profile.functions[profile.functions.id_at(i)];
    if (function.tier == NameTier::kNone || function.tier == NameTier::kPlaced) continue;
    const std::string_view name = postgres::base_name(function.name);
    const PlanNode node = postgres::plan_node(name);
    roles_[i] = {.node = node,
                 .delivers_to = postgres::scan_fed_by(name),
                 .scan_loop = name == postgres::kScanLoop,
                 .is_scan = postgres::is_scan(node)};
  }
  if (std::ranges::any_of(roles_, &Role::scan_loop)) learn_scans();
}

FunctionId PlanFrames::outermost(const Location& location) const {
  return location.line_count == 0
             ? FunctionId{}
             : profile_.lines[location.first_line + location.line_count - 1].function;
}

bool PlanFrames::holds_scan_loop(const Location& location) const {
  const std::span lines(profile_.lines.data() + location.first_line, location.line_count);
  return std::ranges::any_of(
      lines, [&](const Line& line) { return roles_[line.function.value].scan_loop; });
}

// A sample in the scan's condition does not say what is scanned; others of the same scan do. The
// same scan is what the same place of the same caller asks for rows.
void PlanFrames::learn_scans() {
  for (const StackNode& node : profile_.stacks) {
    if (!node.location.valid() || !profile_.stacks.contains(node.caller)) continue;
    const FunctionId function = outermost(profile_.locations[node.location]);
    if (!function.valid()) continue;
    const PlanNode scan = roles_[function.value].delivers_to;
    const StackNode& loop = profile_.stacks[node.caller];
    if (scan == PlanNode::kNone || !loop.location.valid() ||
        !holds_scan_loop(profile_.locations[loop.location]))
      continue;
    const auto [known, is_new] = scans_.try_emplace(loop.caller.value, scan);
    if (!is_new && known->second != scan) known->second = PlanNode::kAnyScan;
  }
}

void PlanFrames::append(StackId stack,
                        std::vector<FunctionId>& path,
                        std::vector<PlanNode>& nodes) const {
  // What the frame before is if the one that called it is not of the same scan.
  PlanNode open = PlanNode::kNone;
  bool in_loop = false;  // it is the scan loop itself
  while (stack.valid() && stack != kEmptyStack) {
    const StackNode& node = profile_.stacks[stack];
    const Location& location = profile_.locations[node.location];
    for (uint32_t i = 0; i < location.line_count; ++i) {
      const FunctionId function = profile_.lines[location.first_line + i].function;
      const Role& role = roles_[function.value];
      const bool same_scan = role.is_scan || (role.scan_loop && !in_loop);
      if (open != PlanNode::kNone && !same_scan) nodes.back() = open;
      if (!role.scan_loop) {
        open = role.delivers_to;
      } else if (open == PlanNode::kNone || in_loop) {
        const auto known = scans_.find(node.caller.value);
        open = known == scans_.end() ? PlanNode::kAnyScan : known->second;
      }
      in_loop = role.scan_loop;
      path.push_back(function);
      nodes.push_back(role.node);
    }
    stack = node.caller;
  }
}

}  // namespace pgflame::diagnose
