// Turns a sampler's events into the rows of a profile.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "src/capture/applications.h"
#include "src/capture/event.h"
#include "src/capture/processes.h"
#include "src/capture/queries.h"
#include "src/capture/tag_layout.h"
#include "src/capture/wait_balance.h"
#include "src/capture/waits.h"
#include "src/profile/builder.h"

namespace pgflame::capture {

class Assembler {
 public:
  Assembler(ProfileBuilder& builder, Processes& processes, Queries& queries, bool waits)
      : builder_(builder),
        processes_(processes),
        queries_(queries),
        measures_waits_(waits),
        applications_(builder) {}

  // The recording begins at `times`: what was measured before does not count.
  void begin(WaitTimes times);

  // Events of processes that are no targets are ignored.
  void handle(const Event& event);

  // A target that was there before the recording, as of `now_ns` in the middle of a statement.
  void found_in(const Statement& statement, int32_t pid, uint64_t now_ns);

  // The name that a target had when it was added; empty: not known.
  void found_named(std::string_view application) { applications_.learn(application); }

  // Books time off the CPU. Returns the processes that ended before this and are booked for good.
  std::vector<int32_t> book(WaitTimes times);

  // Everybody's lifetime until `times` and the part of it on a CPU; call once, after the last
  // book() and when no titles are read any more, which writes the backends' rows anew.
  void close(const WaitTimes& times);

  // Once Backend::application is what it was at the end.
  void settle_applications() { applications_.settle(); }

  // The backends with samples of threads that the times on a CPU don't cover.
  const std::unordered_set<BackendId>& with_threads() const { return with_threads_; }

  uint64_t samples() const { return samples_; }

 private:
  // What has to outlive a process until its last waits are booked.
  struct Identity {
    BackendId backend;
    int major = 0;
    bool is_postmaster = false;
  };

  void add_sample(const Event& event);
  void open_wait(const Event& event);
  void end_process(const Event& event);
  StackId stack_of(const Event& event);
  Identity identity_of(int32_t pid);
  uint32_t second_of(uint64_t time_ns) const;
  void note_lifetime(int32_t pid, uint64_t end_ns, uint64_t running_ns);

  ProfileBuilder& builder_;
  Processes& processes_;
  Queries& queries_;
  uint64_t start_ns_ = 0;
  bool measures_waits_;
  Applications applications_;
  WaitBalance balance_;
  Waits waits_;
  std::unordered_map<int32_t, Identity> ended_;
  std::unordered_map<int32_t, uint64_t> running_before_;  // begin()
  std::unordered_set<BackendId> with_threads_;
  uint64_t samples_ = 0;
};

// What a wait is called in a report: waiting for the client's next command, or having nothing to
// do, is idle.
State reported_state(const WaitKey& key, int major, bool is_postmaster);

// The query that time belongs to: 0 between statements, where Postgres still shows the last one.
uint64_t attributed_query(const Tags& tags, int major);

// Seconds are kept one by one at first, later rounded down to tens and minutes, so that a recording
// of hours stays small.
uint32_t coarse_second(uint64_t second);

}  // namespace pgflame::capture
