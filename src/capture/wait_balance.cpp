#include "src/capture/wait_balance.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace pgflame::capture {
namespace {

uint64_t growth(uint64_t now, uint64_t before) {
  return now > before ? now - before : 0;
}

// One total for each key, in the order of keys: those of a backend and a state are neighbours.
void merge(std::vector<WaitTotal>& totals) {
  std::ranges::sort(totals, {}, &WaitTotal::key);
  size_t kept = 0;
  for (const WaitTotal& total : totals) {
    if (kept == 0 || totals[kept - 1].key != total.key) {
      totals[kept++] = total;
      continue;
    }
    WaitTotal& sum = totals[kept - 1];
    sum.count += total.count;
    sum.ns += total.ns;
    sum.short_ns += total.short_ns;
  }
  totals.resize(kept);
}

// A backend's times for one wait event are neighbours.
auto event_of(const WaitKey& key) {
  return std::tuple(key.pid, key.state, key.wait_event);
}

// Adds an empty one where there is none.
void ensure_total(const WaitKey& key, std::vector<WaitTotal>& totals) {
  const auto place = std::ranges::lower_bound(totals, key, {}, &WaitTotal::key);
  if (place == totals.end() || place->key != key) totals.insert(place, WaitTotal{key});
}

}  // namespace

void WaitBalance::exited(int32_t pid, const ShortIntervals& last) {
  last_.insert_or_assign(pid, last);
}

std::optional<uint64_t> WaitBalance::exact_ns(const WaitTimes& times, Side side) const {
  const auto& [pid, state] = side;
  auto found = times.short_intervals.find(pid);
  if (found == times.short_intervals.end()) {
    found = last_.find(pid);
    if (found == last_.end()) return std::nullopt;
  }
  return state == State::kWaiting ? found->second.waiting_ns : found->second.runnable_ns;
}

void WaitBalance::divide_short(std::span<WaitTotal> totals, std::optional<uint64_t> exact_ns) {
  std::vector<uint64_t> estimates;
  estimates.reserve(totals.size());
  for (const WaitTotal& total : totals)
    estimates.push_back(growth(total.short_ns, reasons_[total.key].short_ns));
  const uint64_t estimated = std::accumulate(estimates.begin(), estimates.end(), uint64_t{0});
  uint64_t& divided = divided_ns_[{totals[0].key.pid, totals[0].key.state}];
  const uint64_t exact = exact_ns ? growth(*exact_ns, divided) : estimated;
  // Without a choice to divide it by it waits for the next one.
  const bool known = estimated > 0;
  const auto parts = divide(known ? exact : 0, estimates);
  if (known) divided += exact;
  for (size_t i = 0; i < totals.size(); ++i) {
    Reason& reason = reasons_[totals[i].key];
    const uint64_t long_ns = growth(totals[i].ns, totals[i].short_ns);
    reason.new_long_ns = growth(long_ns, reason.long_ns);
    reason.new_ns = parts[i] + reason.new_long_ns;
    reason.balanced_ns += reason.new_ns;
    reason.long_ns = std::max(reason.long_ns, long_ns);
    reason.short_ns = std::max(reason.short_ns, totals[i].short_ns);
  }
}

// Takes what is bare out of the times. An interval that is open counts as far as it has come, once
// it is long.
std::vector<WaitTotal> WaitBalance::take_bare(WaitTimes& times, ToldByPid& told) const {
  std::vector<WaitTotal> bare;
  const auto add = [&](WaitKey key, State state, uint64_t count, uint64_t ns) {
    key.state = state;
    bare.push_back({key, count, ns});
  };
  std::erase_if(times.totals, [&](const WaitTotal& total) {
    if (total.is_bare) add(total.key, total.key.state, total.count, total.ns);
    return total.is_bare;
  });
  std::erase_if(times.open, [&](const OpenWait& open) {
    if (!open.is_bare) return false;
    if (times.at_ns < open.since_ns + kLongIntervalNs) return true;
    const uint64_t woken = open.woken_ns == 0 ? times.at_ns : open.woken_ns;
    const uint64_t waiting = growth(woken, open.since_ns);
    const uint64_t runnable = growth(times.at_ns, woken);
    add(open.key, State::kWaiting, 0, waiting);
    add(open.key, State::kRunnable, 0, runnable);
    if (open.told) told[open.key.pid] = {*open.told, waiting, runnable};
    return true;
  });
  merge(bare);
  return bare;
}

void WaitBalance::give_told(const WaitKey& key, Amount amount, std::vector<WaitTotal>& totals) {
  ensure_total(key, totals);
  Reason& reason = reasons_[key];
  reason.balanced_ns += amount.ns;
  reason.given_count += amount.count;
}

// To the reasons that long intervals had lately, or else short ones; what no reason is likely for
// is a reason of its own.
void WaitBalance::give_likely(const WaitKey& key, Amount amount, std::vector<WaitTotal>& totals) {
  const auto first =
      std::partition_point(totals.begin(), totals.end(), [&](const WaitTotal& total) {
        return event_of(total.key) < event_of(key);
      });
  std::vector<WaitKey> keys;
  for (auto same = first; same != totals.end() && event_of(same->key) == event_of(key); ++same)
    keys.push_back(same->key);
  const auto weights = [&](uint64_t Reason::*weight) {
    std::vector<uint64_t> all;
    all.reserve(keys.size());
    for (const WaitKey& one : keys)
      all.push_back(reasons_[one].*weight);
    return all;
  };
  const auto is_zero = [](uint64_t weight) { return weight == 0; };
  std::vector<uint64_t> chosen = weights(&Reason::new_long_ns);
  if (std::ranges::all_of(chosen, is_zero)) chosen = weights(&Reason::new_ns);
  const auto command_of = [](const WaitKey& one) {
    return std::pair(one.has_backend, one.session_state);
  };
  const bool agreed = std::ranges::all_of(
      keys, [&](const WaitKey& one) { return command_of(one) == command_of(keys.front()); });
  if (!agreed || std::ranges::all_of(chosen, is_zero)) return give_told(key, amount, totals);
  const auto ns_parts = divide(amount.ns, chosen);
  const auto count_parts = divide(amount.count, chosen);
  for (size_t i = 0; i < keys.size(); ++i) {
    reasons_[keys[i]].balanced_ns += ns_parts[i];
    reasons_[keys[i]].given_count += count_parts[i];
  }
}

// What a wait that is open has grown by, and the rest of one that was, are known.
void WaitBalance::give_bare(const WaitTotal& bare,
                            const ToldByPid& told,
                            std::vector<WaitTotal>& totals) {
  Amount& before = bare_[bare.key];
  Amount left{growth(bare.count, before.count), growth(bare.ns, before.ns)};
  before.count += left.count;
  before.ns += left.ns;
  const auto reason_in = [&](const ToldByPid& from) {
    const auto found = from.find(bare.key.pid);
    const bool same = found != from.end() && found->second.key.wait_event == bare.key.wait_event;
    return same ? &found->second : nullptr;
  };
  const auto key_of = [&](const Told& reason) {
    WaitKey key = reason.key;
    key.state = bare.key.state;
    return key;
  };
  if (const Told* now = reason_in(told)) {
    const bool waiting = bare.key.state == State::kWaiting;
    const uint64_t ns = std::min(left.ns, waiting ? now->waiting_ns : now->runnable_ns);
    if (ns > 0) give_told(key_of(*now), {0, ns}, totals);
    left.ns -= ns;
  }
  if (left.ns == 0 && left.count == 0) return;
  if (const Told* ended = reason_in(told_)) return give_told(key_of(*ended), left, totals);
  give_likely(bare.key, left, totals);
}

void WaitBalance::balance(WaitTimes& times) {
  ToldByPid told;
  const auto bare = take_bare(times, told);
  merge(times.totals);
  auto from = times.totals.begin();
  while (from != times.totals.end()) {
    const Side side{from->key.pid, from->key.state};
    const auto to = std::find_if(from, times.totals.end(), [&](const WaitTotal& total) {
      return Side{total.key.pid, total.key.state} != side;
    });
    divide_short({from, to}, exact_ns(times, side));
    from = to;
  }
  for (const WaitTotal& total : bare)
    give_bare(total, told, times.totals);
  told_ = std::move(told);
  for (WaitTotal& total : times.totals) {
    const Reason& reason = reasons_[total.key];
    total.ns = reason.balanced_ns;
    total.count += reason.given_count;
  }
}

void WaitBalance::forget(int32_t pid) {
  last_.erase(pid);
  told_.erase(pid);
  divided_ns_.erase({pid, State::kWaiting});
  divided_ns_.erase({pid, State::kRunnable});
  const auto erase_from = [pid](auto& rows) {
    const auto first = rows.lower_bound(first_key(pid));
    rows.erase(first, std::find_if(first, rows.end(), [pid](const auto& row) {
                 return row.first.pid != pid;
               }));
  };
  erase_from(reasons_);
  erase_from(bare_);
}

}  // namespace pgflame::capture
