#include "src/capture/bpf_rows.h"

#include <cerrno>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <bpf/bpf.h>

#include "src/capture/applications.h"
#include "src/capture/proc.h"

namespace pgflame::capture {
namespace {

static_assert(2 * kLongIntervalNs == MOST_STOOD_FOR_NS);

WaitKey wait_key(const interval_key& row) {
  WaitKey key;
  key.pid = static_cast<int32_t>(row.pid);
  key.wait_event = row.wait_event;
  key.query_id = row.query_id;
  key.application = row.application;
  key.session_state = row.session_state;
  key.has_backend = (row.flags & TAG_BACKEND) != 0;
  return key;
}

// Every row of a hash map; rows that come or go meanwhile may be missing.
template <typename Key, typename Value, typename Receive>
void for_each_row(int map, Receive&& receive) {
  constexpr uint32_t kRows = 4096;
  std::vector<Key> keys(kRows);
  std::vector<Value> values(kRows);
  uint64_t position = 0;
  for (bool first = true;; first = false) {
    uint32_t count = kRows;
    const int failed = bpf_map_lookup_batch(
        map, first ? nullptr : &position, &position, keys.data(), values.data(), &count, nullptr);
    if (failed != 0 && errno != ENOENT) return;
    for (uint32_t i = 0; i < count; ++i)
      receive(keys[i], values[i]);
    if (failed != 0) return;
  }
}

// What each process has been off the CPU for, as far as it is over; also by process.
std::unordered_map<uint32_t, uint64_t> read_totals(int intervals, std::vector<WaitTotal>& totals) {
  std::unordered_map<uint32_t, uint64_t> sums;
  for_each_row<interval_key, interval_sum>(
      intervals, [&](const interval_key& key, const interval_sum& sum) {
        sums[key.pid] += sum.waiting_ns + sum.runnable_ns;
        const bool is_bare = (key.flags & TAG_NOT_READ) != 0;
        WaitTotal total{wait_key(key), sum.waits, sum.waiting_ns, sum.short_waiting_ns, is_bare};
        if (total.count > 0) totals.push_back(total);
        total = {total.key, sum.count, sum.runnable_ns, sum.short_runnable_ns, is_bare};
        total.key.state = State::kRunnable;
        totals.push_back(total);
      });
  return sums;
}

OpenWait open_wait(uint32_t pid, const target& value) {
  interval_key key{};
  key.pid = pid;
  key.wait_event = value.tags.wait_event;
  key.query_id = value.tags.query_id;
  key.session_state = value.tags.session_state;
  key.flags = value.tags.flags;
  key.application = value.application;
  const bool is_bare = (key.flags & TAG_NOT_READ) != 0;
  return {wait_key(key), value.off_since, value.woken_at, is_bare};
}

// Processes go on and off the CPUs between the two maps. An interval that was open in the first
// and has grown the sums of the second is over and in them.
WaitTimes read_once(int intervals, int targets) {
  WaitTimes times;
  std::vector<std::pair<uint32_t, target>> rows;
  for_each_row<uint32_t, target>(
      targets, [&](uint32_t pid, const target& value) { rows.emplace_back(pid, value); });
  times.at_ns = monotonic_now();
  const auto sums = read_totals(intervals, times.totals);
  for (const auto& [pid, value] : rows) {
    const bool on_cpu = value.on_since != 0 && value.on_since < times.at_ns;
    times.running_ns[static_cast<int32_t>(pid)] =
        value.running_ns + (on_cpu ? times.at_ns - value.on_since : 0);
    times.short_intervals[static_cast<int32_t>(pid)] = {value.short_waiting_ns,
                                                        value.short_runnable_ns};
    const auto sum = sums.find(pid);
    const bool is_over = sum != sums.end() && sum->second != value.booked_ns;
    if (value.off_since != 0 && !is_over) times.open.push_back(open_wait(pid, value));
  }
  return times;
}

// Grows while this thread waits for a CPU: the maps of a large server take long to read too.
uint64_t time_without_cpu() {
  return monotonic_now() - thread_cpu_ns();
}

}  // namespace

target first_state(int32_t pid, uint32_t row, const std::optional<TagLayout>& layout) {
  target value{};
  value.layout = row;
  value.namespace_pid = namespace_pid(pid);
  value.tags.wait_event = kUnknownWait;
  value.stands_for = 1;
  const auto stat = read_stat(pid);
  const bool sleeps = stat && (stat->state == 'S' || stat->state == 'D');
  (sleeps ? value.off_since : value.on_since) = monotonic_now();
  if (!sleeps || !layout) return value;
  const Tags tags = read_tags(pid, value.namespace_pid, *layout);
  value.tags.wait_event = tags.wait_event;
  value.tags.query_id = tags.query_id;
  value.tags.database = tags.database;
  value.tags.user = tags.user;
  value.tags.session_state = tags.session_state;
  value.tags.backend_type = tags.backend_type;
  value.tags.flags = tags.has_backend ? TAG_BACKEND : 0;
  if (tags.wait_event != kUnknownWait) value.tags.flags |= TAG_WAIT_EVENT;
  value.application = application_hash(application_of(pid, *layout));
  return value;
}

WaitTimes read_wait_times(int intervals, int targets) {
  constexpr uint64_t kOneMoment = 1'000'000;
  constexpr int kTries = 4;
  WaitTimes times;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t before = time_without_cpu();
    times = read_once(intervals, targets);
    if (time_without_cpu() - before < kOneMoment) break;
  }
  return times;
}

void forget_intervals(int intervals, const std::vector<int32_t>& pids) {
  if (pids.empty()) return;
  const std::unordered_set<int32_t> gone(pids.begin(), pids.end());
  std::vector<interval_key> keys;
  for_each_row<interval_key, interval_sum>(
      intervals, [&](const interval_key& key, const interval_sum& /*sum*/) {
        if (gone.contains(static_cast<int32_t>(key.pid))) keys.push_back(key);
      });
  for (const interval_key& key : keys)
    bpf_map_delete_elem(intervals, &key);
}

Cost cost_of(int program) {
  Cost cost;
  bpf_prog_info info{};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(program, &info, &size) != 0) return cost;
  cost.bpf_ns = info.run_time_ns;
  cost.bpf_runs = info.run_cnt;
  return cost;
}

}  // namespace pgflame::capture
