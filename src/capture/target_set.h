// The targets over the course of a recording: who is there at its start, who takes the place of a
// server that is restarted, who has ended without the sampler noticing.
//
// Children of targets are no matter here: the sampler follows forks by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "src/base/error.h"
#include "src/capture/assembler.h"
#include "src/capture/capture.h"
#include "src/capture/processes.h"
#include "src/capture/sampler.h"
#include "src/capture/tag_layout.h"
#include "src/capture/targets.h"
#include "src/profile/builder.h"

namespace pgflame::capture {

class TargetSet {
 public:
  // Those that are told about targets; they must outlive this.
  struct Parts {
    ProfileBuilder& builder;
    Processes& processes;
    Assembler& assembler;
    Sampler& sampler;
  };

  TargetSet(const Options& options, Targets targets, Parts parts);

  // Those that run now. Fails when the sampler cannot take them.
  Status add_all();
  // Tells the sampler whose samples will be dropped anyway (--user, single backends, ...).
  void leave_out_unwanted();
  // Looks for targets that ended unnoticed and for servers that were restarted; once a second.
  void look_again(uint64_t now_ns);

  size_t alive() const;
  // Nobody is left, and not only because a server is being restarted.
  bool all_gone(uint64_t now_ns);
  // The `pids` of filter.h; empty: whole clusters.
  const std::vector<int32_t>& only_pids() const { return only_pids_; }

 private:
  void add_cluster(const Cluster& cluster);
  bool is_target(int32_t pid, int32_t postmaster) const;
  Status add_process(int32_t pid, int32_t postmaster);
  void bury(uint64_t now_ns);
  bool postmaster_is_gone() const;
  bool replaces_a_lost_one(const Cluster& cluster) const;
  void follow_restarts();

  const Options& options_;
  Targets targets_;
  Parts parts_;
  std::unordered_map<int32_t, std::optional<TagLayout>> layouts_;  // by postmaster
  std::vector<int32_t> only_pids_;
  uint64_t last_seen_ns_ = 0;  // when there last was a target
  uint64_t buried_ns_ = 0;     // when bury() last looked
  std::unordered_set<int32_t> dead_;
};

}  // namespace pgflame::capture
