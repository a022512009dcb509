#include "src/capture/sleepers.h"

#include <utility>

#include <bpf/bpf.h>

#include "bpf/sample_event.h"
#include "src/capture/applications.h"

namespace pgflame::capture {
namespace {

std::optional<target> look_up(int targets, int32_t pid) {
  const auto key = static_cast<uint32_t>(pid);
  target value{};
  if (bpf_map_lookup_elem(targets, &key, &value) != 0) return std::nullopt;
  return value;
}

// Of a wait that was looked at only its statement may be missing, and who waits for the client
// executes none.
bool is_asked(const OpenWait& wait, uint64_t now_ns) {
  if (now_ns < wait.since_ns + kLongIntervalNs) return false;
  return wait.is_bare || (wait.key.has_backend && wait.key.wait_event != kClientRead);
}

bool still_sleeps(const std::optional<target>& value, const OpenWait& wait) {
  return value && value->off_since == wait.since_ns && value->woken_at == 0;
}

struct Reason {
  WaitKey key;
  Statement statement;
};

// Nothing when it is not known, or when the backend woke up meanwhile.
std::optional<Reason> reason_of(const OpenWait& wait,
                                int targets,
                                std::span<const TagLayout> layouts) {
  const int32_t pid = wait.key.pid;
  const auto before = look_up(targets, pid);
  if (!still_sleeps(before, wait) || before->layout >= layouts.size()) return std::nullopt;
  const TagLayout& layout = layouts[before->layout];
  const Tags tags = read_tags(pid, before->namespace_pid, layout);
  Reason reason{wait.key, statement_of(pid, layout)};
  WaitKey& key = reason.key;
  key.query_id = tags.query_id;
  key.session_state = tags.session_state;
  key.has_backend = tags.has_backend;
  key.application = application_hash(application_of(pid, layout));
  const bool same = tags.wait_event == key.wait_event && tags.has_backend;
  return same && still_sleeps(look_up(targets, pid), wait) ? std::optional(std::move(reason))
                                                           : std::nullopt;
}

}  // namespace

void Sleepers::tell(WaitTimes& times, int targets, std::span<const TagLayout> layouts) {
  std::unordered_map<int32_t, Told> told;
  for (OpenWait& wait : times.open) {
    if (!is_asked(wait, times.at_ns)) continue;
    const auto known = told_.find(wait.key.pid);
    if (known != told_.end() && known->second.since_ns == wait.since_ns) {
      told.insert(told_.extract(known));
    } else {
      Told& row = told[wait.key.pid];
      row.since_ns = wait.since_ns;
      if (auto reason = reason_of(wait, targets, layouts)) {
        row.key = reason->key;
        times.statements.push_back(std::move(reason->statement));
      }
    }
    if (wait.is_bare) wait.told = told[wait.key.pid].key;
  }
  told_ = std::move(told);
}

}  // namespace pgflame::capture
