#include "src/capture/bpf_rows.h"

#include <cerrno>
#include <unordered_set>

#include <bpf/bpf.h>

#include "src/capture/proc.h"

namespace pgflame::capture {
namespace {

WaitKey wait_key(const interval_key& row) {
  WaitKey key;
  key.pid = static_cast<int32_t>(row.pid);
  key.wait_event = row.wait_event;
  key.query_id = row.query_id;
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
  return value;
}

WaitTimes read_wait_times(int intervals, int targets) {
  WaitTimes times;
  for_each_row<interval_key, interval_sum>(
      intervals, [&](const interval_key& key, const interval_sum& sum) {
        WaitTotal total{wait_key(key), sum.waits, sum.waiting_ns};
        if (total.count > 0) times.totals.push_back(total);
        total = {total.key, sum.count, sum.runnable_ns};
        total.key.state = State::kRunnable;
        times.totals.push_back(total);
      });
  const uint64_t now = monotonic_now();
  for_each_row<uint32_t, target>(targets, [&](uint32_t pid, const target& value) {
    const bool on_cpu = value.on_since != 0 && value.on_since < now;
    times.running_ns[static_cast<int32_t>(pid)] =
        value.running_ns + (on_cpu ? now - value.on_since : 0);
    if (value.off_since == 0) return;
    interval_key key{};
    key.pid = pid;
    key.wait_event = value.tags.wait_event;
    key.query_id = value.tags.query_id;
    key.session_state = value.tags.session_state;
    key.flags = value.tags.flags;
    times.open.push_back({wait_key(key), value.off_since, value.woken_at});
  });
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

}  // namespace pgflame::capture
