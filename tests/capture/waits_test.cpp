#include "src/capture/waits.h"

#include <numeric>

#include <doctest/doctest.h>

#include "src/capture/assembler.h"
#include "src/capture/host.h"

using namespace pgflame;
using namespace pgflame::capture;

namespace {

WaitKey key_of(int32_t pid, State state = State::kWaiting) {
  WaitKey key;
  key.pid = pid;
  key.state = state;
  key.wait_event = 0x0a000001;
  return key;
}

capture::Event off_cpu(int32_t pid, uint64_t time_ns) {
  capture::Event event;
  event.kind = EventKind::kOffCpu;
  event.pid = pid;
  event.time_ns = time_ns;
  event.tags.wait_event = 0x0a000001;
  event.end = StackEnd::kRoot;
  return event;
}

capture::Event interval(int32_t pid, uint64_t waiting_ns) {
  capture::Event event;
  event.kind = EventKind::kInterval;
  event.pid = pid;
  event.waiting_ns = waiting_ns;
  return event;
}

// A wait of backend 1 that has sent its stack and its statement.
void wait_once(Waits& waits, uint64_t began_ns, uint64_t ns, uint64_t text_query) {
  waits.opened(off_cpu(1, began_ns), StackId{7}, text_query);
  waits.closed(interval(1, ns));
}

std::vector<Waits::Share> settle(Waits& waits, WaitTimes& times, uint64_t at_ns) {
  times.at_ns = at_ns;
  return waits.settle(times);
}

uint64_t ns_of(const std::vector<Waits::Share>& shares) {
  return std::accumulate(
      shares.begin(), shares.end(), uint64_t{0}, [](uint64_t sum, const auto& s) {
        return sum + s.ns;
      });
}

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("parts add up to the whole whatever the weights") {
    struct Row {
      uint64_t total;
      std::vector<uint64_t> weights;
    };
    for (const Row& row : {Row{100, {1, 1, 1}},
                           Row{0, {5}},
                           Row{7, {0, 0}},
                           Row{1, {1, 1000}},
                           Row{UINT64_MAX / 2, {3, UINT64_MAX / 4, 1}}}) {
      const auto parts = divide(row.total, row.weights);
      CHECK(std::accumulate(parts.begin(), parts.end(), uint64_t{0}) == row.total);
    }
    CHECK(divide(100, {3, 1}) == std::vector<uint64_t>{75, 25});
    CHECK(divide(5, {}).empty());
  }

  TEST_CASE("a total is divided among the stacks in proportion to their time") {
    Waits waits;
    waits.opened(off_cpu(1, 10), StackId{7});
    waits.closed(interval(1, 300));
    waits.opened(off_cpu(1, 1000), StackId{8});
    waits.closed(interval(1, 100));
    WaitTimes times;
    times.totals = {{key_of(1), 40, 8000}};
    const auto shares = settle(waits, times, 5000);
    REQUIRE(shares.size() == 2);
    CHECK(shares[0].stack == StackId{7});
    CHECK(shares[0].ns == 6000);
    CHECK(shares[1].ns == 2000);
    CHECK(shares[0].count + shares[1].count == 40);
    CHECK(shares[0].end == StackEnd::kRoot);
  }

  TEST_CASE("a total is divided among statements without an id, known by their texts") {
    Waits waits;
    wait_once(waits, 10, 300, 111);
    waits.opened(off_cpu(1, 1000), StackId{7}, 222);
    WaitTimes times;
    times.totals = {{key_of(1), 1, 300}};
    times.open = {{key_of(1), 1000, 0}};
    const auto shares = settle(waits, times, 1100);
    REQUIRE(shares.size() == 2);
    CHECK(shares[0].text_query == 111);
    CHECK(shares[0].ns == 300);
    CHECK(shares[1].text_query == 222);
    CHECK(shares[1].ns == 100);
  }

  TEST_CASE("an interval counts for those whose stack was not taken") {
    Waits waits;
    waits.opened(off_cpu(1, 10), StackId{7}, 111);
    capture::Event often = interval(1, 100);
    often.stands_for = 8;
    waits.closed(often);
    wait_once(waits, 1000, 800, 222);
    WaitTimes times;
    times.totals = {{key_of(1), 9, 1600}};
    const auto shares = settle(waits, times, 5000);
    REQUIRE(shares.size() == 2);
    CHECK(shares[0].ns == 800);
    CHECK(shares[1].ns == 800);
  }

  TEST_CASE("an open interval without a stack takes none of an earlier statement") {
    Waits waits;
    wait_once(waits, 10, 300, 111);
    WaitTimes times;
    times.totals = {{key_of(1), 1, 300}};
    times.open = {{key_of(1), 1000, 0}};  // its stack was not taken
    const auto shares = settle(waits, times, 1100);
    REQUIRE(shares.size() == 2);
    CHECK(shares[0].text_query == 111);
    CHECK(shares[0].ns == 300);
    CHECK(shares[1].text_query == 0);
    CHECK(shares[1].stack == kEmptyStack);
    CHECK(shares[1].ns == 100);
    const auto later = settle(waits, times, 9100);
    REQUIRE(later.size() == 1);
    CHECK(later[0].text_query == 0);
    CHECK(later[0].ns == 8000);
  }

  TEST_CASE("intervals nobody saw keep the stack of the last ones and lose their statement") {
    Waits waits;
    wait_once(waits, 10, 300, 111);
    WaitTimes times;
    times.totals = {{key_of(1), 1, 300}};
    settle(waits, times, 1000);
    times.totals = {{key_of(1), 2, 500}};
    const auto shares = settle(waits, times, 2000);
    REQUIRE(shares.size() == 1);
    CHECK(shares[0].stack == StackId{7});
    CHECK(shares[0].text_query == 0);
    CHECK(shares[0].ns == 200);
  }

  TEST_CASE(
      "an open interval without a stack stands for itself, the rest for what was seen before") {
    Waits waits;
    WaitTimes times;
    wait_once(waits, 0, 40, 0);
    times.totals = {{key_of(1), 1, 40}};
    settle(waits, times, 100);
    times.open = {{key_of(1), 170, 0}};
    times.totals = {{key_of(1), 6, 90}};
    for (const uint64_t more : {uint64_t{0}, uint64_t{20}}) {
      times.totals[0].ns += more;
      const auto shares = settle(waits, times, 200 + more);
      CHECK(ns_of(shares) == (more == 0 ? 80 : 40));
      REQUIRE(shares.size() == 2);
      CHECK(shares[0].end == StackEnd::kNoStack);
      CHECK(shares[0].ns == (more == 0 ? 30 : 20));
      CHECK(shares[1].stack == StackId{7});
      CHECK(shares[1].ns == (more == 0 ? 50 : 20));
    }
  }

  TEST_CASE("what was asleep before the recording keeps its statement until it wakes up") {
    Waits waits;
    waits.found_asleep(1, 50, 333);
    WaitTimes times;
    times.open = {{key_of(1), 40, 0}};
    const auto shares = settle(waits, times, 1040);
    REQUIRE(shares.size() == 1);
    CHECK(shares[0].text_query == 333);
    CHECK(shares[0].ns == 1000);
    times.totals = {{key_of(1), 1, 1000}};
    times.open = {{key_of(1), 2000, 0}};  // another interval
    const auto later = settle(waits, times, 3000);
    REQUIRE(later.size() == 1);
    CHECK(later[0].text_query == 0);
    CHECK(later[0].ns == 1000);
  }

  TEST_CASE("a backend that was woken and has no CPU yet still has its stack") {
    Waits waits;
    waits.opened(off_cpu(1, 1000), StackId{7}, 111);
    WaitTimes times;
    times.open = {{key_of(1), 1000, 1500}};
    const auto shares = settle(waits, times, 2000);
    REQUIRE(shares.size() == 2);
    for (const Waits::Share& share : shares) {
      CHECK(share.stack == StackId{7});
      CHECK(share.text_query == 111);
      CHECK(share.ns == 500);
    }
  }

  TEST_CASE("only what is new since the last time is booked") {
    Waits waits;
    WaitTimes times;
    times.totals = {{key_of(1), 4, 400}};
    CHECK(ns_of(settle(waits, times, 1000)) == 400);
    CHECK(settle(waits, times, 2000).empty());
    times.totals = {{key_of(1), 5, 450}};
    const auto shares = settle(waits, times, 3000);
    REQUIRE(shares.size() == 1);
    CHECK(shares[0].ns == 50);
    CHECK(shares[0].count == 1);
    CHECK(shares[0].end == StackEnd::kNoStack);
  }

  TEST_CASE("an open interval is booked as it grows and not again when it ends") {
    Waits waits;
    waits.opened(off_cpu(1, 1000), StackId{7});
    WaitTimes times;
    times.open = {{key_of(1), 1000, 0}};
    const auto first = settle(waits, times, 3000);
    REQUIRE(first.size() == 1);
    CHECK(first[0].ns == 2000);
    CHECK(first[0].stack == StackId{7});
    times.open = {{key_of(1), 1000, 5000}};  // woken up at 5000, no CPU yet
    const auto second = settle(waits, times, 6000);
    CHECK(ns_of(second) == 3000);
    times.open.clear();
    times.totals = {{key_of(1), 1, 4000}, {key_of(1, State::kRunnable), 1, 1500}};
    const auto third = settle(waits, times, 7000);
    CHECK(ns_of(third) == 500);
  }

  TEST_CASE("a forgotten backend starts anew") {
    Waits waits;
    WaitTimes times;
    times.totals = {{key_of(1), 1, 400}, {key_of(2), 1, 100}};
    settle(waits, times, 1000);
    waits.forget(1);
    CHECK(ns_of(settle(waits, times, 2000)) == 400);
  }

  TEST_CASE("waiting for the next command and having nothing to do is idle") {
    const uint8_t active15 = 2;
    const uint8_t active18 = 3;
    const uint8_t idle18 = 2;
    struct Row {
      uint32_t event;
      bool has_backend;
      uint8_t session;
      int major;
      State expected;
    };
    const Row rows[] = {
        {0x06000000, true, 1, 15, State::kIdle},
        {0x06000000, true, 3, 15, State::kIdle},  // idle in transaction
        {0x06000000, true, active15, 15, State::kWaiting},
        {0x06000000, true, active18, 18, State::kWaiting},
        {0x06000000, true, idle18, 18, State::kIdle},
        {0x06000000, false, active15, 13, State::kIdle},
        {0x06000001, true, 1, 15, State::kWaiting},
        {0x05000003, false, 0, 15, State::kIdle},
        {0x01000007, true, active15, 15, State::kWaiting},
        {kUnknownWait, false, 0, 15, State::kWaiting},
        {0, true, active15, 15, State::kWaiting},
    };
    for (const Row& row : rows) {
      CAPTURE(row.event);
      CAPTURE(row.major);
      WaitKey key = key_of(1);
      key.wait_event = row.event;
      key.has_backend = row.has_backend;
      key.session_state = row.session;
      CHECK(reported_state(key, row.major, false) == row.expected);
      CHECK(reported_state(key, row.major, true) == State::kIdle);
      key.state = State::kRunnable;
      CHECK(reported_state(key, row.major, true) == State::kRunnable);
    }
  }

  TEST_CASE("seconds become coarser in long recordings and never run backwards") {
    CHECK(coarse_second(119) == 119);
    CHECK(coarse_second(129) == 120);
    CHECK(coarse_second(3599) == 3590);
    CHECK(coarse_second(3661) == 3660);
    for (uint64_t second = 1; second < 8000; ++second)
      REQUIRE(coarse_second(second) >= coarse_second(second - 1));
  }

  TEST_CASE("host counters become shares and rates") {
    const auto before = parse_host_counters(
        "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1\nctxt 1000\nprocs_running 3\n",
        "pgmajfault 5\n",
        {"some avg10=0.00 avg60=0.00 avg300=0.00 total=1000\nfull avg10=0 total=9\n", "", ""});
    const auto after =
        parse_host_counters("cpu  150 0 120 710 110 0 0 10 0 0\nctxt 1500\nprocs_running 7\n",
                            "pgmajfault 8\n",
                            {"some avg10=0.00 avg60=0.00 avg300=0.00 total=501000\n", "", ""});
    const HostSecond row = host_second(before, after, 1.0, 4);
    CHECK(row.second == 4);
    CHECK(row.cpu_busy == doctest::Approx(0.8));
    CHECK(row.cpu_steal == doctest::Approx(0.1));
    CHECK(row.runnable == 7);
    CHECK(row.cpu_mhz == 0);
    CHECK(row.switches == 500);
    CHECK(row.major_faults == 3);
    CHECK(row.psi_cpu == doctest::Approx(0.5));
    CHECK(row.psi_io == -1);
    HostCounters slowed = after;
    slowed.cpu_mhz = 1200;
    HostCounters fast = before;
    fast.cpu_mhz = 3000;
    CHECK(host_second(fast, slowed, 1.0, 4).cpu_mhz == 2100);
    CHECK(host_second(before, slowed, 1.0, 4).cpu_mhz == 1200);
    const HostSecond nothing = host_second(after, parse_host_counters("", "", {}), 0, 0);
    CHECK(nothing.cpu_busy == 0);
    CHECK(nothing.switches == 0);
  }
}
