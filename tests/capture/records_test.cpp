#include <cstring>

#include <linux/perf_event.h>

#include <doctest/doctest.h>

#include "bpf/sample_event.h"
#include "src/capture/event.h"
#include "src/capture/perf_record.h"

using namespace pgflame;
using namespace pgflame::capture;

namespace {

struct alignas(8) Bytes {
  std::vector<uint64_t> words;

  template <typename T>
  void append(const T& value) {
    static_assert(sizeof(T) % 8 == 0);
    const size_t at = words.size();
    words.resize(at + sizeof(T) / 8);
    std::memcpy(words.data() + at, &value, sizeof(T));
  }
  std::span<const std::byte> all() const { return std::as_bytes(std::span(words)); }
};

Bytes ring_sample() {
  sample_event head{};
  head.kind = EVENT_SAMPLE;
  head.state = STATE_RUNNING;
  head.stack_end = STACK_ROOT;
  head.time_ns = 1234;
  head.pid = 42;
  head.tid = 43;
  head.application = 99;
  head.weight = 10'101'010;
  head.tags.wait_event = 0x06000000;
  head.tags.query_id = 77;
  head.tags.flags = TAG_BACKEND | TAG_WAIT_EVENT;
  head.kernel_count = 1;
  head.user_count = 2;
  Bytes bytes;
  bytes.append(head);
  bytes.words.insert(bytes.words.end(), {0xffffffff81000000, 0x1000, 0x2000});
  return bytes;
}

Bytes perf_record(uint32_t type, uint16_t misc, const std::vector<uint64_t>& body) {
  perf_event_header header{};
  header.type = type;
  header.misc = misc;
  header.size = static_cast<uint16_t>(sizeof(header) + body.size() * 8);
  Bytes bytes;
  bytes.append(header);
  bytes.words.insert(bytes.words.end(), body.begin(), body.end());
  return bytes;
}

uint64_t pair(uint64_t low, uint64_t high) {
  return low | high << 32;
}

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("a ring sample carries tags and both stacks") {
    const Bytes bytes = ring_sample();
    const auto event = decode_ring_record(bytes.all());
    REQUIRE(event);
    CHECK(event->kind == EventKind::kSample);
    CHECK(event->end == StackEnd::kRoot);
    CHECK(event->pid == 42);
    CHECK(event->tid == 43);
    CHECK(event->weight == 10'101'010);
    Bytes other = ring_sample();
    auto* head = reinterpret_cast<sample_event*>(other.words.data());
    head->stack_end = STACK_NO_ROOM;
    REQUIRE(decode_ring_record(other.all()));
    CHECK(decode_ring_record(other.all())->end == StackEnd::kNoRoom);
    head->stack_end = STACK_NO_ROOM + 1;
    CHECK_FALSE(decode_ring_record(other.all()));
    CHECK(event->tags.has_backend);
    CHECK(event->tags.query_id == 77);
    CHECK(event->tags.application == 99);
    CHECK(event->tags.wait_event == 0x06000000);
    REQUIRE(event->kernel.size() == 1);
    REQUIRE(event->user.size() == 2);
    CHECK(event->user[1] == 0x2000);
  }

  TEST_CASE("a ring record cut at any byte is refused") {
    const Bytes bytes = ring_sample();
    for (size_t size = 0; size < bytes.all().size(); ++size) {
      CAPTURE(size);
      CHECK_FALSE(decode_ring_record(bytes.all().first(size)));
    }
  }

  TEST_CASE("the name of an application ends at its first 0, or with its room") {
    application_event record{};
    record.kind = EVENT_APPLICATION;
    record.application = 99;
    std::memcpy(record.name, "shop\0old name", 13);
    Bytes bytes;
    bytes.append(record);
    const auto event = decode_ring_record(bytes.all());
    REQUIRE(event);
    CHECK(event->kind == EventKind::kApplication);
    CHECK(event->tags.application == 99);
    CHECK(event->text == "shop");
    std::memset(bytes.words.data() + 1, 'x', MAX_APPLICATION_NAME);
    REQUIRE(decode_ring_record(bytes.all()));
    CHECK(decode_ring_record(bytes.all())->text.size() == MAX_APPLICATION_NAME);
    CHECK_FALSE(decode_ring_record(bytes.all().first(bytes.all().size() - 1)));
  }

  TEST_CASE("ring records of unknown kind, state or stack end are refused") {
    Bytes bytes = ring_sample();
    auto* raw = reinterpret_cast<uint8_t*>(bytes.words.data());
    for (const size_t field : {0U, 1U, 2U}) {
      const uint8_t before = raw[field];
      raw[field] = 200;
      CAPTURE(field);
      CHECK_FALSE(decode_ring_record(bytes.all()));
      raw[field] = before;
    }
  }

  TEST_CASE("births and deaths come out of the ring with their times") {
    process_event exit{};
    exit.kind = EVENT_EXIT;
    exit.pid = 42;
    exit.running_ns = 5;
    Bytes bytes;
    bytes.append(exit);
    const auto event = decode_ring_record(bytes.all());
    REQUIRE(event);
    CHECK(event->kind == EventKind::kExit);
    CHECK(event->running_ns == 5);
  }

  TEST_CASE("a perf sample's chain is split at its markers") {
    const auto kernel = static_cast<uint64_t>(PERF_CONTEXT_KERNEL);
    const auto user = static_cast<uint64_t>(PERF_CONTEXT_USER);
    const Bytes bytes = perf_record(
        PERF_RECORD_SAMPLE,
        0,
        {pair(42, 43), 1234, 0, 10'101'010, 5, kernel, 0xffffffff81000000, user, 0x1000, 0x2000});
    PerfLosses losses;
    const auto record = decode_perf_record(bytes.all(), losses);
    REQUIRE(record);
    CHECK(record->event.pid == 42);
    CHECK(record->event.time_ns == 1234);
    CHECK(record->event.weight == 10'101'010);
    CHECK(record->kernel_count == 1);
    CHECK(record->addresses == std::vector<uint64_t>{0xffffffff81000000, 0x1000, 0x2000});
    CHECK(losses.bad == 0);
  }

  TEST_CASE("a perf sample whose chain claims too much is a bad record") {
    PerfLosses losses;
    const Bytes bytes = perf_record(PERF_RECORD_SAMPLE, 0, {pair(42, 43), 1, 0, 1, 1ULL << 61});
    CHECK_FALSE(decode_perf_record(bytes.all(), losses));
    CHECK(losses.bad == 1);
    CHECK_FALSE(decode_perf_record(bytes.all().first(7), losses));
    CHECK(losses.bad == 2);
  }

  TEST_CASE("a perf sample's registers and the valid part of its stack copy are kept") {
    const uint64_t mask = 0b101;
    const std::vector<uint64_t> chain_and_before = {pair(42, 43), 1, 0, 1, 0};
    struct Case {
      std::vector<uint64_t> dump;
      size_t registers;
      size_t stack;
      bool good;
    };
    const std::vector<Case> cases = {
        {{2, 7, 9, 16, 1, 2, 8}, 2, 8, true},
        {{2, 7, 9, 16, 1, 2, 1000}, 2, 16, true},  // more valid bytes than there are
        {{0, 0}, 0, 0, true},                      // a kernel thread
        {{2, 7, 9, 0}, 2, 0, true},
        {{2, 7, 9, 1ULL << 60, 1, 2}, 0, 0, false},
        {{2, 7}, 0, 0, false},
    };
    for (const Case& row : cases) {
      PerfLosses losses;
      std::vector<uint64_t> body = chain_and_before;
      body.insert(body.end(), row.dump.begin(), row.dump.end());
      const auto record =
          decode_perf_record(perf_record(PERF_RECORD_SAMPLE, 0, body).all(), losses, mask);
      CAPTURE(row.dump.size());
      REQUIRE(record.has_value() == row.good);
      CHECK(losses.bad == (row.good ? 0 : 1));
      if (!record) continue;
      CHECK(record->abi == row.dump[0]);
      CHECK(record->registers.size() == row.registers);
      CHECK(record->stack.size() == row.stack);
      if (row.registers == 2) CHECK(record->registers[1] == 9);
    }
  }

  TEST_CASE("lost and throttled are counted, threads are no births") {
    PerfLosses losses;
    CHECK_FALSE(decode_perf_record(perf_record(PERF_RECORD_LOST, 0, {1, 7}).all(), losses));
    CHECK_FALSE(decode_perf_record(perf_record(PERF_RECORD_THROTTLE, 0, {1, 1, 1}).all(), losses));
    CHECK(losses.lost == 7);
    CHECK(losses.throttled == 1);
    CHECK_FALSE(decode_perf_record(
        perf_record(PERF_RECORD_FORK, 0, {pair(42, 42), pair(43, 42), 5}).all(), losses));
    const auto birth = decode_perf_record(
        perf_record(PERF_RECORD_FORK, 0, {pair(50, 42), pair(50, 42), 5}).all(), losses);
    REQUIRE(birth);
    CHECK(birth->event.kind == EventKind::kFork);
    CHECK(birth->event.parent == 42);
    CHECK(birth->event.time_ns == 5);
  }

  TEST_CASE("only an exec's change of name is an exec") {
    PerfLosses losses;
    const std::vector<uint64_t> body = {pair(42, 42), 0x6873, pair(42, 42), 99, 0};
    CHECK_FALSE(decode_perf_record(perf_record(PERF_RECORD_COMM, 0, body).all(), losses));
    const auto exec = decode_perf_record(
        perf_record(PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC, body).all(), losses);
    REQUIRE(exec);
    CHECK(exec->event.pid == 42);
    CHECK(exec->event.time_ns == 99);
  }
}
