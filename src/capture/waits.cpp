#include "src/capture/waits.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace pgflame::capture {

WaitKey wait_key(const Event& event, State state) {
  WaitKey key;
  key.pid = event.pid;
  key.state = state;
  key.wait_event = event.tags.wait_event;
  key.query_id = event.tags.query_id;
  key.application = event.tags.application;
  key.session_state = event.tags.session_state;
  key.has_backend = event.tags.has_backend;
  return key;
}

WaitKey first_key(int32_t pid) {
  WaitKey key;
  key.pid = pid;
  key.state = State::kRunning;
  key.wait_event = 0;
  return key;
}

std::vector<uint64_t> divide(uint64_t total, const std::vector<uint64_t>& weights) {
  std::vector<uint64_t> parts(weights.size(), 0);
  const long double sum = std::accumulate(weights.begin(), weights.end(), 0.0L);
  if (parts.empty()) return parts;
  uint64_t given = 0;
  for (size_t i = 0; i < parts.size() && sum > 0; ++i) {
    const auto part = static_cast<uint64_t>(static_cast<long double>(total) *
                                            (static_cast<long double>(weights[i]) / sum));
    parts[i] = std::min(part, total - given);
    given += parts[i];
  }
  const auto heaviest = std::ranges::max_element(weights) - weights.begin();
  parts[static_cast<size_t>(heaviest)] += total - given;
  return parts;
}

void Waits::opened(const Event& event, StackId stack, uint64_t text_query) {
  Open open{event, stack, text_query};
  open.event.kernel = {};
  open.event.user = {};
  open.event.text = {};
  open_.insert_or_assign(event.pid, open);
}

void Waits::found_asleep(int32_t pid, uint64_t now_ns, uint64_t text_query) {
  Open open;
  open.event.pid = pid;
  open.event.end = StackEnd::kNoStack;
  open.event.time_ns = now_ns;
  open.stack = kEmptyStack;
  open.text_query = text_query;
  open.found_asleep = true;
  open_.insert_or_assign(pid, open);
}

void Waits::closed(const Event& event) {
  const auto found = open_.find(event.pid);
  if (found == open_.end()) return;
  const Open open = found->second;
  open_.erase(found);
  const uint64_t began = open.event.time_ns;
  // One that was open at the last settle() stood for itself then and does for the rest.
  const uint64_t stands_for = began < settled_ns_ ? 1 : event.stands_for;
  const auto add = [&](State state, uint64_t from, uint64_t to) {
    from = std::max(from, settled_ns_);
    if (to <= from) return;
    booked_[wait_key(open.event, state)].fresh.push_back(open.weighing((to - from) * stands_for));
  };
  const uint64_t woken = began + event.waiting_ns;
  add(State::kWaiting, began, woken);
  add(State::kRunnable, woken, woken + event.runnable_ns);
}

std::vector<Waits::Share> Waits::settle(const WaitTimes& times) {
  std::map<WaitKey, WaitTotal> sums;
  for (const WaitTotal& total : times.totals) {
    WaitTotal& sum = sums[total.key];
    sum.count += total.count;
    sum.ns += total.ns;
  }
  const auto add_open = [&](const OpenWait& open, State state, uint64_t from, uint64_t to) {
    if (to <= from) return;
    WaitKey key = open.key;
    key.state = state;
    sums[key].count += 1;
    sums[key].ns += to - from;
    from = std::max(from, settled_ns_);
    if (to <= from) return;
    const auto stack = open_.find(key.pid);
    const bool known = stack != open_.end() && stack->second.is(open);
    booked_[key].fresh.push_back(known ? stack->second.weighing(to - from)
                                       : Weighted{kEmptyStack, StackEnd::kNoStack, 0, to - from});
  };
  for (const OpenWait& open : times.open) {
    const uint64_t woken = open.woken_ns == 0 ? times.at_ns : open.woken_ns;
    add_open(open, State::kWaiting, open.since_ns, woken);
    add_open(open, State::kRunnable, woken, times.at_ns);
  }
  std::vector<Share> shares;
  for (const auto& [key, sum] : sums)
    book(key, sum.count, sum.ns, shares);
  settled_ns_ = times.at_ns;
  return shares;
}

// Of intervals that are open and have no stack the time is known. The rest looks like what was seen
// before.
void Waits::add_rest(uint64_t ns,
                     const std::vector<Weighted>& before,
                     std::vector<Weighted>& stacks) {
  for (const Weighted& open : stacks)
    ns -= std::min(ns, open.ns);
  if (ns == 0 || before.empty()) return;
  std::vector<uint64_t> weights;
  weights.reserve(before.size());
  for (const Weighted& stack : before)
    weights.push_back(stack.ns);
  const auto parts = divide(ns, weights);
  for (size_t i = 0; i < before.size(); ++i) {
    stacks.push_back(before[i]);
    stacks.back().ns = parts[i];
  }
}

void Waits::book(const WaitKey& key, uint64_t count, uint64_t ns, std::vector<Share>& shares) {
  Booked& booked = booked_[key];
  const uint64_t new_ns = ns > booked.ns ? ns - booked.ns : 0;
  std::vector<Weighted> stacks = std::exchange(booked.fresh, {});
  std::vector<Weighted> seen = stacks;
  std::erase_if(seen, [](const Weighted& stack) { return stack.stack == kEmptyStack; });
  if (seen.empty()) {
    add_rest(new_ns, booked.last, stacks);
  } else {
    booked.last = std::move(seen);
    // Its stacks are likely to be the same again, its statement may be long over.
    for (Weighted& stack : booked.last)
      stack.text_query = 0;
  }
  if (new_ns == 0) return;
  const uint64_t new_count = std::max(uint64_t{1}, count > booked.count ? count - booked.count : 0);
  booked.count = std::max(booked.count, count);
  booked.ns = ns;

  if (stacks.empty()) stacks.push_back({kEmptyStack, StackEnd::kNoStack, 0, 1});
  std::vector<uint64_t> weights;
  weights.reserve(stacks.size());
  for (const Weighted& stack : stacks)
    weights.push_back(stack.ns);
  const auto times = divide(new_ns, weights);
  const auto counts = divide(new_count - std::min(new_count, uint64_t{stacks.size()}), weights);
  for (size_t i = 0; i < stacks.size(); ++i) {
    shares.push_back(
        {key, stacks[i].stack, stacks[i].end, stacks[i].text_query, counts[i] + 1, times[i]});
  }
}

void Waits::forget(int32_t pid) {
  open_.erase(pid);
  auto from = booked_.lower_bound(first_key(pid));
  while (from != booked_.end() && from->first.pid == pid)
    from = booked_.erase(from);
}

}  // namespace pgflame::capture
