// The parts of DatabaseFacts that speak of the server as a whole.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/database_facts.h"
#include "src/diagnose/figures.h"

namespace pgflame::diagnose {
namespace {

struct WritesOfBackends {
  uint64_t writes = 0;
  uint64_t in_rings = 0;
  uint64_t fsyncs = 0;
};

// From pg_stat_io: what sessions, their workers and autovacuum's wrote of tables and indexes.
WritesOfBackends writes_of_backends(const std::vector<IoUse>& io) {
  constexpr std::array<std::string_view, 3> kBackends{
      "client backend", "background worker", "autovacuum worker"};
  WritesOfBackends sum;
  for (const IoUse& use : io) {
    if (use.object != "relation" ||
        std::ranges::find(kBackends, use.backend_type) == kBackends.end())
      continue;
    sum.writes += use.writes;
    sum.fsyncs += use.fsyncs;
    if (use.context != "normal") sum.in_rings += use.writes;
  }
  return sum;
}

// "12 client sessions, 3 active (waiting: 2 Lock, 1 IO), 7 idle, 2 idle in transaction"
std::string triage(const std::vector<SessionCount>& sessions, bool at_end) {
  uint64_t clients = 0;
  uint64_t active = 0;
  uint64_t idle = 0;
  uint64_t idle_in_transaction = 0;
  std::map<std::string, uint64_t> waiting;
  for (const SessionCount& session : sessions) {
    if (session.at_end != at_end || session.backend_type != "client backend") continue;
    clients += session.count;
    if (session.state == "idle") idle += session.count;
    if (session.state.starts_with("idle in transaction")) idle_in_transaction += session.count;
    if (session.state != "active") continue;
    active += session.count;
    if (!session.wait_class.empty()) waiting[session.wait_class] += session.count;
  }
  if (clients == 0) return {};
  std::vector<std::pair<std::string, uint64_t>> classes(waiting.begin(), waiting.end());
  std::ranges::stable_sort(classes, std::greater{}, &std::pair<std::string, uint64_t>::second);
  std::string waits;
  for (const auto& [name, count] : classes)
    waits += fmt::format("{}{} {}", waits.empty() ? "" : ", ", count, name);
  return fmt::format("{}, {} active{}, {} idle, {} idle in transaction",
                     counted(clients, "client session"),
                     active,
                     waits.empty() ? std::string() : fmt::format(" (waiting: {})", waits),
                     idle,
                     idle_in_transaction);
}

// "; the lock: relation public.hot, AccessExclusiveLock held, AccessShareLock waited for"
std::string lock_of(const Blocker& root) {
  if (root.lock_type.empty()) return {};
  std::string object = root.lock_type;
  if (!root.relation.empty()) {
    // Who waits for a transaction waits for what it did to a row; others for a page, a tuple.
    const std::string_view of = root.lock_type == "relation"        ? " "
                                : root.lock_type == "transactionid" ? " that changed a row of "
                                                                    : " of ";
    object += fmt::format("{}{}.{}", of, root.schema, root.relation);
  }
  return fmt::format(
      "; the lock: {}{}, {} waited for",
      object,
      root.held_mode.empty() ? std::string() : fmt::format(", {} held", root.held_mode),
      root.wanted_mode);
}

}  // namespace

std::string DatabaseFacts::blockers() const {
  if (context_->blockers.empty()) return deadlocks();
  const Blocker& root = context_->blockers.front();
  std::string text = fmt::format(
      "At the root of the queue stood pid {} ({}, transaction open for {}){}, with {} "
      "behind it waiting for {}",
      root.pid,
      root.state.empty() ? "state unknown" : root.state,
      age(root.transaction_age_us),
      root.application.empty() ? std::string() : fmt::format(" of {}", root.application),
      counted(root.waiters, "session"),
      root.waits);
  text += lock_of(root);
  if (!root.text.empty()) text += fmt::format("; its last statement: {}", quoted(root.text));
  return joined({text + ".", deadlocks()});
}

std::string DatabaseFacts::deadlocks() const {
  const double found = per_second("deadlocks").value_or(0) * seconds();
  if (found < 0.5) return {};
  return fmt::format(
      "pg_stat_database counted {}, each of which ended a transaction with an error.",
      counted(static_cast<uint64_t>(std::llround(found)), "deadlock"));
}

std::string DatabaseFacts::temporary_files() const {
  const double files = per_second("temp_files").value_or(0) * seconds();
  if (files < 0.5) return {};
  return fmt::format(
      "pg_stat_database counted {} of {} altogether; they are counted when they are removed.",
      counted(static_cast<uint64_t>(std::llround(files)), "temporary file"),
      bytes(per_second("temp_bytes").value_or(0) * seconds()));
}

std::string DatabaseFacts::old_transactions() const {
  if (context_->transactions.empty()) return {};
  const OldTransaction& oldest = context_->transactions.front();
  constexpr int64_t kOld = 60'000'000;
  if (oldest.age_us < kOld) return {};
  return fmt::format("The oldest transaction is {} old: pid {}, {}{}.",
                     age(oldest.age_us),
                     oldest.pid,
                     oldest.backend_type,
                     oldest.state.empty() ? "" : ", " + oldest.state);
}

std::string DatabaseFacts::wal() const {
  const auto written = per_second("wal_bytes");
  if (!written) return {};
  return fmt::format("WAL: {}/s in {} records/s, with {} full-page images/s.",
                     bytes(*written),
                     figure(per_second("wal_records").value_or(0)),
                     figure(per_second("wal_full_pages").value_or(0)));
}

std::string DatabaseFacts::commits() const {
  const auto commits = per_second("xact_commit");
  return commits ? fmt::format("{} transactions/s were committed.", figure(*commits))
                 : std::string();
}

std::string DatabaseFacts::checkpoints() const {
  const auto requested = per_second("checkpoints_requested");
  const auto timed = per_second("checkpoints_timed");
  if (!requested || !timed || *requested + *timed <= 0) return writers();
  return joined({fmt::format("Checkpoints begun or ended in {:.0f} s: {:.0f} requested, {:.0f} "
                             "timed; {:.0f} buffers written by them.",
                             seconds(),
                             *requested * seconds(),
                             *timed * seconds(),
                             per_second("checkpoint_buffers").value_or(0) * seconds()),
                 writers()});
}

// Who else writes dirty buffers: backends do when they need a buffer and no clean one is at hand.
std::string DatabaseFacts::writers() const {
  const auto cleaner = per_second("bgwriter_buffers");
  const auto allocated = per_second("buffers_allocated");
  if (!cleaner || !allocated || seconds() <= 0) return {};
  std::string backends;
  double fsyncs = 0;
  if (const auto own = per_second("backend_buffers")) {
    // Up to 16 pg_stat_bgwriter counts what they extend files by, too (src/backend/postmaster/
    // checkpointer.c, ForwardSyncRequest).
    backends = fmt::format("{} buffers/s (new pages included)", figure(*own));
    fsyncs = per_second("backend_fsyncs").value_or(0) * seconds();
  } else if (!context_->io.empty()) {
    const WritesOfBackends sum = writes_of_backends(context_->io);
    backends = fmt::format("{} times/s ({} of that in the rings of bulk operations and vacuum)",
                           figure(static_cast<double>(sum.writes) / seconds()),
                           figure(static_cast<double>(sum.in_rings) / seconds()));
    fsyncs = static_cast<double>(sum.fsyncs);
  } else {
    return {};
  }
  std::string text = fmt::format(
      "Backends themselves wrote {}, the background writer {} buffers/s; {} buffers/s were "
      "allocated.",
      backends,
      figure(*cleaner),
      figure(*allocated));
  if (fsyncs >= 0.5)
    text += fmt::format(" Backends had to call fsync themselves, {}.",
                        fsyncs < 1.5 ? std::string("once") : figure(fsyncs) + " times");
  return text;
}

std::string DatabaseFacts::sessions() const {
  std::string looks;
  for (const bool at_end : {false, true}) {
    const std::string seen = triage(context_->sessions, at_end);
    if (seen.empty()) continue;
    looks += fmt::format(
        "{}{} {}", looks.empty() ? "" : "; ", at_end ? "at the end:" : "at the start:", seen);
  }
  return looks.empty() ? std::string() : fmt::format("pg_stat_activity {}.", looks);
}

std::string DatabaseFacts::server_io() const {
  struct Operation {
    std::string_view verb;
    uint64_t IoUse::*count;
  };
  static constexpr std::array kOperations{Operation{"reads", &IoUse::reads},
                                          Operation{"writes", &IoUse::writes},
                                          Operation{"extends", &IoUse::extends},
                                          Operation{"evictions", &IoUse::evictions},
                                          Operation{"fsyncs", &IoUse::fsyncs}};
  const auto all = [](const IoUse& use) {
    return use.reads + use.writes + use.extends + use.fsyncs;
  };
  std::vector<const IoUse*> busiest;
  for (const IoUse& use : context_->io) {
    if (all(use) > 0) busiest.push_back(&use);
  }
  if (busiest.empty() || seconds() <= 0) return {};
  std::ranges::stable_sort(busiest, std::greater{}, [&](const IoUse* use) { return all(*use); });
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(4, busiest.size()); ++i) {
    std::string done;
    for (const Operation& operation : kOperations) {
      const uint64_t count = busiest[i]->*operation.count;
      if (count == 0) continue;
      done += fmt::format("{}{} {}/s",
                          done.empty() ? "" : ", ",
                          figure(static_cast<double>(count) / seconds()),
                          operation.verb);
    }
    text += fmt::format("{}{} ({}, {}) {}",
                        i == 0 ? "" : "; ",
                        busiest[i]->backend_type,
                        busiest[i]->object,
                        busiest[i]->context,
                        done);
  }
  return "Most I/O by pg_stat_io: " + text + ".";
}

}  // namespace pgflame::diagnose
