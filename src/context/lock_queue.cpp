// Who waits for whose lock, out of the rows that the server gave.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/context/look.h"

namespace pgflame::context {
namespace {

// "{12,34}" -> 12, 34
std::vector<std::string> pids_of(const std::string& array) {
  std::vector<std::string> pids;
  if (array.size() < 2) return pids;
  for (const std::string_view pid :
       split(std::string_view(array).substr(1, array.size() - 2), ',')) {
    if (!trim(pid).empty()) pids.emplace_back(trim(pid));
  }
  return pids;
}

// Who waits for whom, from blocked_sql().
struct Queue {
  std::map<std::string, std::vector<std::string>> blockers;  // by waiting pid
  std::map<std::string, std::string> waits;                  // wait event, by waiting pid

  explicit Queue(const Rows& blocked) {
    for (const Row& row : blocked) {
      if (row.size() < 3) continue;
      blockers[row[0]] = pids_of(row[2]);
      waits[row[0]] = row[1];
    }
  }

  std::set<std::string> roots() const {
    std::set<std::string> found;
    for (const auto& [waiter, pids] : blockers) {
      for (const std::string& pid : pids) {
        // 0 stands for a prepared transaction: there is no session to name.
        if (pid != "0" && !blockers.contains(pid)) found.insert(pid);
      }
    }
    return found;
  }

  // Everybody who waits for `root`, also behind others.
  std::set<std::string> behind(const std::string& root) const {
    std::set<std::string> reached{root};
    for (bool grew = true; grew;) {
      grew = false;
      for (const auto& [waiter, pids] : blockers) {
        const bool waits_here = std::ranges::any_of(
            pids, [&](const std::string& pid) { return reached.contains(pid); });
        if (waits_here && reached.insert(waiter).second) grew = true;
      }
    }
    reached.erase(root);
    return reached;
  }
};

// The lock that most of those want who wait for `root` directly, from locks_sql().
void name_lock(Blocker& blocker, const std::string& root, const Queue& queue, const Rows& locks) {
  std::map<std::string, Row> by_waiter;  // the row that speaks of the root's own lock, if any does
  for (const Row& row : locks) {
    if (row.size() != 7) continue;
    const auto waiter = queue.blockers.find(row[0]);
    if (waiter == queue.blockers.end()) continue;
    if (std::ranges::find(waiter->second, root) == waiter->second.end()) continue;
    Row lock{row[1], row[3], row[4], row[2], row[5] == root ? row[6] : std::string()};
    Row& known = by_waiter[row[0]];
    if (known.empty() || known.back().empty()) known = std::move(lock);
  }
  std::map<Row, size_t> wanted;
  for (const auto& [waiter, lock] : by_waiter)
    ++wanted[lock];
  const auto most = std::ranges::max_element(wanted, {}, &std::pair<const Row, size_t>::second);
  if (most == wanted.end()) return;
  blocker.lock_type = most->first[0];
  blocker.schema = most->first[1];
  blocker.relation = most->first[2];
  blocker.wanted_mode = most->first[3];
  blocker.held_mode = most->first[4];
}

}  // namespace

std::vector<std::string> root_pids(const Rows& blocked) {
  const std::set<std::string> roots = Queue(blocked).roots();
  return {roots.begin(), roots.end()};
}

std::vector<Blocker> root_blockers(const Rows& blocked, const Rows& sessions, const Rows& locks) {
  const Queue queue(blocked);
  std::vector<Blocker> blockers;
  for (const std::string& root : queue.roots()) {
    Blocker blocker;
    blocker.pid = static_cast<int32_t>(number(root));
    const std::set<std::string> waiters = queue.behind(root);
    blocker.waiters = waiters.size();
    std::set<std::string> events;
    for (const std::string& waiter : waiters)
      events.insert(queue.waits.at(waiter));
    blocker.waits = fmt::format("{}", fmt::join(events, ", "));
    const auto session = std::ranges::find_if(
        sessions, [&](const Row& row) { return row.size() == 6 && row[0] == root; });
    if (session != sessions.end()) {
      blocker.state = (*session)[1];
      blocker.user = (*session)[2];
      blocker.application = (*session)[3];
      blocker.transaction_age_us = number((*session)[4]);
      blocker.text = (*session)[5];
    }
    name_lock(blocker, root, queue, locks);
    blockers.push_back(std::move(blocker));
  }
  std::ranges::stable_sort(blockers, std::greater{}, &Blocker::waiters);
  return blockers;
}

}  // namespace pgflame::context
