// Time off the CPU: the sampler's exact sums, spread over the stacks that it took of some of the
// intervals.
//
// For every backend and every reason to be off the CPU the sampler knows how often and how long,
// exactly or nearly so (wait_balance.h). Stacks it sends only of a random choice. What a sum has
// grown by since the last look is divided among the stacks of the same reason in proportion to
// their time (times the number of intervals that each was chosen from), so that totals stay exact
// whatever the choice was. The statements of a server without query ids are known from the same
// choice: which of them a sum belongs to is an estimate.
//
// Intervals that are open at such a look are known one by one: each stands for itself, with its own
// stack or none.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "src/capture/event.h"
#include "src/capture/tag_layout.h"
#include "src/profile/builder.h"

namespace pgflame::capture {

// The shortest interval that is certainly booked by itself (bpf/offcpu.h).
constexpr uint64_t kLongIntervalNs = 8'000'000;

// Waiting for the client's next command, or for more of one; the same number in PostgreSQL 13 to 19
// (wait_event.h; wait_event_names.txt since 17).
constexpr uint32_t kClientRead = 0x06000000;

// Who was off the CPU, and why.
struct WaitKey {
  int32_t pid = 0;
  State state = State::kWaiting;  // kWaiting or kRunnable
  uint32_t wait_event = kUnknownWait;
  uint64_t query_id = 0;
  uint32_t application = 0;   // Tags::application
  uint8_t session_state = 0;  // only meaningful when has_backend
  bool has_backend = false;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 stumbles over the generated code
  friend auto operator<=>(const WaitKey&, const WaitKey&) = default;
};

struct WaitTotal {
  WaitKey key;
  uint64_t count = 0;
  uint64_t ns = 0;
  uint64_t short_ns = 0;  // the part of it in ShortIntervals
  bool is_bare = false;   // nothing but backend, state and wait event is known
};

// A backend's intervals off the CPU that were not booked one by one, exactly, since it became a
// target. Reasons are known of a random choice of them only, so that its totals have an estimate of
// this time (wait_balance.h).
struct ShortIntervals {
  uint64_t waiting_ns = 0;
  uint64_t runnable_ns = 0;
};

// An interval that has not ended yet.
struct OpenWait {
  WaitKey key;
  uint64_t since_ns = 0;          // CLOCK_MONOTONIC; tells one interval from the next
  uint64_t woken_ns = 0;          // 0: still asleep
  bool is_bare = false;           // as in WaitTotal
  std::optional<WaitKey> told{};  // of a bare one, when its reason was found out later (sleepers.h)
};

// What the sampler knows at one moment. Totals only grow.
struct WaitTimes {
  uint64_t at_ns = 0;  // CLOCK_MONOTONIC
  std::vector<WaitTotal> totals;
  std::vector<OpenWait> open;                        // none of them is in the totals
  std::unordered_map<int32_t, uint64_t> running_ns;  // by backend
  std::unordered_map<int32_t, ShortIntervals> short_intervals;
  std::vector<Statement> statements;  // of waits whose reasons were found out since the last time
};

class Waits {
 public:
  // How much a reason has grown by, and the stacks to book it on.
  struct Share {
    WaitKey key;
    StackId stack;
    StackEnd end = StackEnd::kNoStack;
    uint64_t text_query = 0;  // of a statement without an id: what identifies its text, 0 none
    uint64_t count = 0;
    uint64_t ns = 0;
  };

  // `text_query`: see Share.
  void opened(const Event& event, StackId stack, uint64_t text_query = 0);
  // The backend was found asleep in a statement, at `now_ns`.
  void found_asleep(int32_t pid, uint64_t now_ns, uint64_t text_query);
  void closed(const Event& event);
  // What has been added since the last call. Open intervals are booked up to the moment of the
  // times; what was booked of them is not booked again when they end. A share's count is the number
  // of intervals, at least one: an interval that is open for long is counted in each call.
  std::vector<Share> settle(const WaitTimes& times);
  // Forgets a backend that is gone. Its totals must not come again.
  void forget(int32_t pid);

 private:
  struct Weighted {
    StackId stack;
    StackEnd end = StackEnd::kUnknown;
    uint64_t text_query = 0;
    uint64_t ns = 0;
  };
  struct Booked {
    uint64_t count = 0;
    uint64_t ns = 0;
    std::vector<Weighted> fresh;  // stacks since the last settle()
    std::vector<Weighted> last;   // those of the last settle() that saw any, without statements
  };
  struct Open {
    Event event;  // without its spans
    StackId stack;
    uint64_t text_query = 0;
    bool found_asleep = false;  // it began earlier than event.time_ns
    bool is(const OpenWait& wait) const {
      return found_asleep ? wait.since_ns <= event.time_ns : wait.since_ns == event.time_ns;
    }
    Weighted weighing(uint64_t ns) const { return {stack, event.end, text_query, ns}; }
  };

  static void add_rest(uint64_t ns,
                       const std::vector<Weighted>& before,
                       std::vector<Weighted>& stacks);
  void book(const WaitKey& key, uint64_t count, uint64_t ns, std::vector<Share>& shares);

  std::map<WaitKey, Booked> booked_;
  std::unordered_map<int32_t, Open> open_;  // the last stack that a backend sent
  uint64_t settled_ns_ = 0;                 // when settle() was called last
};

WaitKey wait_key(const Event& event, State state);

// The one in front of all of a backend's.
WaitKey first_key(int32_t pid);

// Divides `total` in proportion to the weights, exactly: the parts add up to it.
std::vector<uint64_t> divide(uint64_t total, const std::vector<uint64_t>& weights);

}  // namespace pgflame::capture
