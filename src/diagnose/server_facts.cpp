// The parts of DatabaseFacts that speak of the server as a whole.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "src/diagnose/database_facts.h"
#include "src/diagnose/figures.h"

namespace pgflame::diagnose {

std::string DatabaseFacts::blockers() const {
  if (context_->blockers.empty()) return {};
  const Blocker& root = context_->blockers.front();
  std::string text = fmt::format(
      "At the root of the queue stood pid {} ({}, transaction open for {}){}, with {} sessions "
      "behind it waiting for {}",
      root.pid,
      root.state.empty() ? "state unknown" : root.state,
      age(root.transaction_age_us),
      root.application.empty() ? std::string() : fmt::format(" of {}", root.application),
      root.waiters,
      root.waits);
  if (!root.text.empty()) text += fmt::format("; its last statement: {}", quoted(root.text));
  return text + ".";
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
  if (!requested || !timed || *requested + *timed <= 0) return {};
  return fmt::format(
      "Checkpoints begun or ended in {:.0f} s: {:.0f} requested, {:.0f} timed; {:.0f} buffers "
      "written by them.",
      seconds(),
      *requested * seconds(),
      *timed * seconds(),
      per_second("checkpoint_buffers").value_or(0) * seconds());
}

std::string DatabaseFacts::sessions() const {
  uint64_t clients = 0;
  uint64_t active = 0;
  uint64_t idle_in_transaction = 0;
  for (const SessionCount& session : context_->sessions) {
    if (!session.at_end || session.backend_type != "client backend") continue;
    clients += session.count;
    if (session.state == "active") active += session.count;
    if (session.state.starts_with("idle in transaction")) idle_in_transaction += session.count;
  }
  if (clients == 0) return {};
  return fmt::format(
      "pg_stat_activity at the end: {} client sessions, {} active, {} idle in "
      "transaction.",
      clients,
      active,
      idle_in_transaction);
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
