#include "src/capture/wait_balance.h"

#include <doctest/doctest.h>

using namespace pgflame;
using namespace pgflame::capture;

namespace {

constexpr uint32_t kRead = 0x0a000001;
constexpr uint32_t kWrite = 0x0a000002;

WaitKey key_of(int32_t pid, uint32_t wait_event, State state = State::kWaiting) {
  WaitKey key;
  key.pid = pid;
  key.state = state;
  key.wait_event = wait_event;
  return key;
}

WaitTotal short_ones(WaitKey key, uint64_t ns) {
  return {key, 1, ns, ns};
}

OpenWait bare_open(WaitKey key, uint64_t since_ns) {
  return {key, since_ns, 0, true};
}

WaitKey of_query(WaitKey key, uint64_t query_id) {
  key.query_id = query_id;
  key.has_backend = true;
  return key;
}

uint64_t ns_of(const WaitTimes& times, const WaitKey& key) {
  uint64_t ns = 0;
  for (const WaitTotal& total : times.totals)
    ns += total.key == key ? total.ns : 0;
  return ns;
}

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("estimates are scaled to the exact sum, long intervals are not") {
    WaitBalance balance;
    WaitTimes times;
    times.totals = {{key_of(1, kRead), 3, 1000 + 300, 300}, short_ones(key_of(1, kWrite), 100)};
    times.short_intervals[1] = {800, 0};
    balance.balance(times);
    CHECK(ns_of(times, key_of(1, kRead)) == 1000 + 600);
    CHECK(ns_of(times, key_of(1, kWrite)) == 200);
  }

  TEST_CASE("what totals have grown by is balanced, not what they were before") {
    WaitBalance balance;
    WaitTimes times;
    times.totals = {short_ones(key_of(1, kRead), 100)};
    times.short_intervals[1] = {200, 0};
    balance.balance(times);
    times.totals = {short_ones(key_of(1, kRead), 100), short_ones(key_of(1, kWrite), 50)};
    times.short_intervals[1] = {210, 0};
    balance.balance(times);
    CHECK(ns_of(times, key_of(1, kRead)) == 200);
    CHECK(ns_of(times, key_of(1, kWrite)) == 10);
  }

  TEST_CASE("waiting and runnable time are balanced apart, and so are backends") {
    WaitBalance balance;
    WaitTimes times;
    times.totals = {short_ones(key_of(2, kRead), 10),
                    short_ones(key_of(1, kRead, State::kRunnable), 10),
                    short_ones(key_of(1, kRead), 10)};
    times.short_intervals[1] = {20, 30};
    times.short_intervals[2] = {40, 0};
    balance.balance(times);
    CHECK(ns_of(times, key_of(1, kRead)) == 20);
    CHECK(ns_of(times, key_of(1, kRead, State::kRunnable)) == 30);
    CHECK(ns_of(times, key_of(2, kRead)) == 40);
  }

  TEST_CASE("time of which nothing was looked at waits for the next look") {
    WaitBalance balance;
    WaitTimes times;
    times.totals = {{key_of(1, kRead), 1, 5000, 0}};
    times.short_intervals[1] = {300, 0};
    balance.balance(times);
    CHECK(ns_of(times, key_of(1, kRead)) == 5000);
    times.totals = {{key_of(1, kRead), 1, 5000, 0}, short_ones(key_of(1, kWrite), 1)};
    times.short_intervals[1] = {400, 0};
    balance.balance(times);
    CHECK(ns_of(times, key_of(1, kWrite)) == 400);
  }

  TEST_CASE("a backend that is gone is balanced by its last words, until it is forgotten") {
    WaitBalance balance;
    WaitTimes times;
    times.totals = {short_ones(key_of(1, kRead), 100)};
    times.short_intervals[1] = {100, 0};
    balance.balance(times);
    balance.exited(1, {160, 0});
    times.totals = {short_ones(key_of(1, kRead), 300)};
    times.short_intervals.clear();
    balance.balance(times);
    CHECK(ns_of(times, key_of(1, kRead)) == 160);
    balance.forget(1);
    times.totals = {short_ones(key_of(1, kRead), 7)};
    balance.balance(times);
    CHECK(ns_of(times, key_of(1, kRead)) == 7);
  }

  TEST_CASE("of bare waits the long ones that were looked at say which reasons they had") {
    WaitBalance balance;
    WaitTimes times;
    WaitKey insert = key_of(1, kRead);
    insert.query_id = 7;
    insert.has_backend = true;
    WaitKey update = insert;
    update.query_id = 8;
    times.totals = {{insert, 1, 3000},
                    {update, 1, 1000},
                    {key_of(1, kWrite), 5, 500},
                    {key_of(1, kRead), 8, 20'000, 0, true}};
    balance.balance(times);
    REQUIRE(times.totals.size() == 3);
    CHECK(ns_of(times, insert) == 3000 + 15'000);
    CHECK(ns_of(times, update) == 1000 + 5000);
    CHECK(ns_of(times, key_of(1, kWrite)) == 500);
    CHECK(times.totals[0].count + times.totals[1].count == 2 + 8);
    // Those of before have been given.
    times.totals = {{insert, 1, 3000}, {update, 2, 1500}, {key_of(1, kRead), 9, 20'100, 0, true}};
    balance.balance(times);
    CHECK(ns_of(times, insert) == 3000 + 15'000);
    CHECK(ns_of(times, update) == 1000 + 5000 + 500 + 100);
  }

  TEST_CASE("a bare wait that is open counts once, open and over") {
    WaitBalance balance;
    WaitTimes times;
    const WaitKey query = of_query(key_of(1, kRead), 7);
    times.at_ns = 10 * kLongIntervalNs;
    times.totals = {{query, 1, 100}};
    times.open = {bare_open(key_of(1, kRead), 8 * kLongIntervalNs)};
    balance.balance(times);
    CHECK(times.open.empty());
    CHECK(ns_of(times, query) == 100 + 2 * kLongIntervalNs);
    times.at_ns = 20 * kLongIntervalNs;
    times.totals = {{query, 2, 200}, {key_of(1, kRead), 1, 5 * kLongIntervalNs, 0, true}};
    balance.balance(times);
    CHECK(ns_of(times, query) == 200 + 5 * kLongIntervalNs);
  }

  TEST_CASE("a bare wait whose reason was found out while it lasted is its reason's to the end") {
    WaitBalance balance;
    WaitTimes times;
    const WaitKey busy = of_query(key_of(1, kRead), 7);
    const WaitKey slow = of_query(key_of(1, kRead), 8);
    times.at_ns = 10 * kLongIntervalNs;
    times.totals = {{busy, 9, 900}};
    times.open = {bare_open(key_of(1, kRead), 8 * kLongIntervalNs)};
    times.open[0].told = slow;
    balance.balance(times);
    CHECK(ns_of(times, slow) == 2 * kLongIntervalNs);
    CHECK(ns_of(times, busy) == 900);
    times.at_ns = 20 * kLongIntervalNs;
    times.totals = {{busy, 10, 1000}, {key_of(1, kRead), 1, 5 * kLongIntervalNs, 0, true}};
    balance.balance(times);
    CHECK(ns_of(times, slow) == 5 * kLongIntervalNs);
    CHECK(ns_of(times, busy) == 1000);
    // The next one is another wait.
    times.totals = {{busy, 11, 1100}, {key_of(1, kRead), 2, 6 * kLongIntervalNs, 0, true}};
    balance.balance(times);
    CHECK(ns_of(times, busy) == 1100 + kLongIntervalNs);
  }

  TEST_CASE("a bare wait that follows one whose reason is known has its own") {
    WaitBalance balance;
    WaitTimes times;
    const WaitKey first = of_query(key_of(1, kRead), 7);
    const WaitKey second = of_query(key_of(1, kRead), 8);
    times.at_ns = 10 * kLongIntervalNs;
    times.open = {bare_open(key_of(1, kRead), 0)};
    times.open[0].told = first;
    balance.balance(times);
    times.at_ns = 30 * kLongIntervalNs;
    times.totals = {{key_of(1, kRead), 1, 20 * kLongIntervalNs, 0, true}};
    times.open = {bare_open(key_of(1, kRead), 25 * kLongIntervalNs)};
    times.open[0].told = second;
    balance.balance(times);
    CHECK(ns_of(times, first) == 20 * kLongIntervalNs);
    CHECK(ns_of(times, second) == 5 * kLongIntervalNs);
  }

  TEST_CASE(
      "bare waits go to no reason of another second, nor where a command may have been over") {
    WaitBalance balance;
    WaitTimes times;
    const WaitKey query = of_query(key_of(1, kRead), 7);
    times.totals = {{query, 1, 3000}};
    balance.balance(times);
    times.totals = {{query, 1, 3000}, {key_of(1, kRead), 1, 500, 0, true}};
    balance.balance(times);
    CHECK(ns_of(times, query) == 3000);
    CHECK(ns_of(times, key_of(1, kRead)) == 500);

    WaitKey idle = query;
    idle.session_state = 2;
    times.totals = {{query, 2, 4000}, {idle, 1, 100}, {key_of(1, kRead), 2, 900, 0, true}};
    balance.balance(times);
    CHECK(ns_of(times, query) == 4000);
    CHECK(ns_of(times, idle) == 100);
    CHECK(ns_of(times, key_of(1, kRead)) == 900);
  }

  TEST_CASE("a short bare wait is not open: it may never be booked by itself") {
    WaitBalance balance;
    WaitTimes times;
    times.at_ns = kLongIntervalNs;
    times.open = {bare_open(key_of(1, kRead), 1), {key_of(2, kRead), 1, 0, false}};
    balance.balance(times);
    CHECK(times.totals.empty());
    REQUIRE(times.open.size() == 1);
    CHECK(times.open[0].key.pid == 2);
  }

  TEST_CASE("a bare wait for what was never looked at is a reason of its own") {
    WaitBalance balance;
    WaitTimes times;
    times.totals = {{key_of(1, kRead), 1, 9, 0, true}, {key_of(1, kWrite), 1, 5}};
    balance.balance(times);
    CHECK(ns_of(times, key_of(1, kRead)) == 9);
    CHECK(ns_of(times, key_of(1, kWrite)) == 5);
    balance.forget(1);
    times.totals = {{key_of(1, kRead), 1, 4, 0, true}};
    balance.balance(times);
    CHECK(ns_of(times, key_of(1, kRead)) == 4);
  }

  TEST_CASE("without exact sums estimates stay, and rows of one key are one total") {
    WaitBalance balance;
    WaitTimes times;
    times.totals = {short_ones(key_of(1, kRead), 100),
                    {key_of(1, kWrite), 1, 9, 0},
                    short_ones(key_of(1, kRead), 50)};
    balance.balance(times);
    REQUIRE(times.totals.size() == 2);
    CHECK(times.totals[0].ns == 150);
    CHECK(times.totals[0].count == 2);
    CHECK(times.totals[1].ns == 9);
  }
}
