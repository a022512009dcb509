// Which frames of a stack run plan nodes, and which.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "src/postgres/plan_nodes.h"
#include "src/profile/profile.h"

namespace pgflame::diagnose {

class PlanFrames {
 public:
  // Keeps a reference to the profile.
  explicit PlanFrames(const Profile& profile);

  // Appends the functions of a stack, leaf first, and beside each the plan node that it runs (kNone
  // for most).
  void append(StackId stack,
              std::vector<FunctionId>& path,
              std::vector<postgres::PlanNode>& nodes) const;

 private:
  struct Role {
    postgres::PlanNode node = postgres::PlanNode::kNone;
    postgres::PlanNode delivers_to = postgres::PlanNode::kNone;
    bool scan_loop = false;
    bool is_scan = false;  // the node is one
  };

  void learn_scans();
  FunctionId outermost(const Location& location) const;
  bool holds_scan_loop(const Location& location) const;

  const Profile& profile_;
  std::vector<Role> roles_;  // by FunctionId
  // By StackId of what calls the scan loop: what the loop's callees say it scans.
  std::unordered_map<uint32_t, postgres::PlanNode> scans_;
};

}  // namespace pgflame::diagnose
