// What changed between two profiles, with noise told from change.
//
// Shares of on-CPU samples are compared with a two-proportion test; of all tests of one kind at
// most 5 % of those called significant are false discoveries in expectation. Functions are matched
// by name, without clone suffixes, process or thread. Nothing is called significant when one of the
// profiles carries no findings (what differs may be what is missing in it), or when they count
// different events.
#pragma once

#include <string>
#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnosis.h"
#include "src/diagnose/measure.h"
#include "src/profile/profile.h"

namespace pgflame::diagnose {

enum class DeltaKind { kActivity, kSelf, kTotal };
enum class Presence { kBoth, kGone, kNew };

struct Delta {
  DeltaKind kind = DeltaKind::kActivity;
  std::string id;     // activity id or function name
  std::string title;  // activity title or function name
  std::string area;
  Presence presence = Presence::kBoth;
  Share before;  // of the CPU samples of its profile
  Share after;
  double change = 0;        // after - before, in shares
  double change_error = 0;  // half width of its 95 % interval
  double cores_before = 0;  // CPUs kept busy; 0 unknown
  double cores_after = 0;
  // CPU milliseconds in each second of active backend time, and CPU microseconds per transaction;
  // both -1 where one of the profiles does not tell.
  double per_backend_second_before = -1;
  double per_backend_second_after = -1;
  double per_transaction_before = -1;
  double per_transaction_after = -1;
  double p = 1;  // two-sided
  bool significant = false;
  uint64_t query_id = 0;  // owns 80 % of what was added; 0 none
  std::string sentence;   // only when significant
};

struct Difference {
  std::string verdict;  // one or two sentences, behind the caveats
  // One for each profile whose grade is below C, and one when they count different things.
  std::vector<std::string> caveats;
  std::vector<std::string> sentences;  // one per significant change, largest first
  std::vector<Delta> deltas;           // largest change of CPU share first, gone and new included
  Measure measure;                     // what the shares are of: as the profile after counts
  Quality quality_before;
  Quality quality_after;
  uint64_t samples_before = 0;
  uint64_t samples_after = 0;
  double cores_before = 0;  // CPU seconds per second of recording; 0 unknown
  double cores_after = 0;
  // Active sessions on average (time of active backends per second); 0 without waiting time.
  double active_before = 0;
  double active_after = 0;
  double transactions_before = 0;  // committed per second, from --dsn; 0 unknown
  double transactions_after = 0;

  bool carries_claims() const { return caveats.empty(); }
};

struct DifferenceOptions {
  Selection selection;
  const RuleBook* rules = nullptr;  // null: the built-in book
  double false_discovery_rate = 0.05;
  double least_share = 0.002;  // smaller on both sides is not listed
};

Difference compare(const Profile& before,
                   const Profile& after,
                   const DifferenceOptions& options = {});

std::string difference_to_markdown(const Difference& difference);
// {"schema": "pgflame-diff-1", "verdict", "caveats", "quality", "sentences", "samples", "cores",
// "deltas": [...]}
std::string difference_to_json(const Difference& difference);

}  // namespace pgflame::diagnose
