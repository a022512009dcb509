#include "src/capture/wait_balance.h"

#include <algorithm>
#include <numeric>
#include <tuple>

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

// Takes what is bare out of the times. An interval that is open counts as far as it has come, once
// it is long.
std::vector<WaitTotal> take_bare(WaitTimes& times) {
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
    add(open.key, State::kWaiting, 0, growth(woken, open.since_ns));
    add(open.key, State::kRunnable, 0, growth(times.at_ns, woken));
    return true;
  });
  merge(bare);
  return bare;
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
    reason.balanced_ns += parts[i] + reason.new_long_ns;
    reason.long_ns = std::max(reason.long_ns, long_ns);
    reason.short_ns = std::max(reason.short_ns, totals[i].short_ns);
  }
}

// To the reasons that long intervals had lately, or else to all that there were; a wait event that
// was never looked at is a reason of its own.
void WaitBalance::give_bare(const WaitTotal& bare, std::vector<WaitTotal>& totals) {
  const WaitKey& key = bare.key;
  WaitTotal& before = bare_[key];
  const uint64_t ns = growth(bare.ns, before.ns);
  const uint64_t count = growth(bare.count, before.count);
  before.ns += ns;
  before.count += count;
  if (ns == 0 && count == 0) return;
  const auto event_of = [](const WaitKey& of) {
    return std::tuple(of.pid, of.state, of.wait_event);
  };
  const auto comes_before = [&](const WaitTotal& total) {
    return event_of(total.key) < event_of(key);
  };
  const auto first = std::partition_point(totals.begin(), totals.end(), comes_before);
  std::vector<Reason*> reasons;
  for (auto same = first; same != totals.end() && event_of(same->key) == event_of(key); ++same)
    reasons.push_back(&reasons_[same->key]);
  if (reasons.empty()) {
    reasons.push_back(&reasons_[key]);
    totals.insert(first, WaitTotal{key});
  }
  const auto weights = [&](uint64_t Reason::*weight) {
    std::vector<uint64_t> all(reasons.size());
    std::ranges::transform(
        reasons, all.begin(), [&](const Reason* reason) { return reason->*weight; });
    return all;
  };
  std::vector<uint64_t> chosen = weights(&Reason::new_long_ns);
  if (std::ranges::count(chosen, 0) == std::ssize(chosen)) chosen = weights(&Reason::balanced_ns);
  const auto ns_parts = divide(ns, chosen);
  const auto count_parts = divide(count, chosen);
  for (size_t i = 0; i < reasons.size(); ++i) {
    reasons[i]->balanced_ns += ns_parts[i];
    reasons[i]->given_count += count_parts[i];
  }
}

void WaitBalance::balance(WaitTimes& times) {
  const auto bare = take_bare(times);
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
    give_bare(total, times.totals);
  for (WaitTotal& total : times.totals) {
    const Reason& reason = reasons_[total.key];
    total.ns = reason.balanced_ns;
    total.count += reason.given_count;
  }
}

void WaitBalance::forget(int32_t pid) {
  last_.erase(pid);
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
