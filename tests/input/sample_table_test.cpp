#include "src/input/sample_table.h"

#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

#include "src/profile/sample_order.h"

using namespace pgflame;

namespace {

Sample sample_of(uint32_t stack, uint32_t backend, uint32_t second) {
  Sample sample;
  sample.stack = StackId{stack};
  sample.backend = BackendId{backend};
  sample.second = second;
  sample.count = 1;
  sample.weight = 10;
  return sample;
}

uint64_t count_of(const std::vector<Sample>& rows) {
  uint64_t count = 0;
  for (const Sample& row : rows)
    count += row.count;
  return count;
}

bool are_in_order(const std::vector<Sample>& rows) {
  return std::ranges::adjacent_find(rows, [](const Sample& a, const Sample& b) {
           return place_of(a) >= place_of(b);
         }) == rows.end();
}

}  // namespace

TEST_SUITE("input") {
  TEST_CASE("the rows of a sample table are in order, whatever tells them apart") {
    input::SampleTable table;
    for (uint32_t i = 0; i < 4000; ++i) {
      Sample sample = sample_of(i * 7 % 13, i * 5 % 11, i * 3 % 17);
      sample.state = i % 2 == 0 ? State::kRunning : State::kWaiting;
      sample.end = i % 3 == 0 ? StackEnd::kTruncated : StackEnd::kUnknown;
      sample.query_id = i % 5;
      table.add(sample);
    }
    const std::vector<Sample> rows = std::move(table).take();
    CHECK(are_in_order(rows));
    CHECK(count_of(rows) == 4000);
    CHECK(rows.size() > 2000);
  }

  TEST_CASE("rows without a backend stand behind those of backends, in few stacks and many") {
    for (const uint32_t stacks : {7U, 100'000U}) {
      input::SampleTable table;
      for (uint32_t i = 0; i < 3000; ++i) {
        Sample sample = sample_of(i * 7919 % stacks, i * 5 % 11, i * 3 % 17);
        if (i % 4 == 0) sample.backend = BackendId{};
        table.add(sample);
      }
      const std::vector<Sample> rows = std::move(table).take();
      CHECK(are_in_order(rows));
      CHECK(count_of(rows) == 3000);
      CHECK(rows.size() > 500);
    }
  }

  TEST_CASE("samples of one stack and backend are put in order, too") {
    input::SampleTable table;
    for (uint32_t i = 0; i < 1000; ++i)
      table.add(sample_of(5, 3, i * 3 % 17));
    const std::vector<Sample> rows = std::move(table).take();
    CHECK(rows.size() == 17);
    CHECK(are_in_order(rows));
    CHECK(count_of(rows) == 1000);
    CHECK(std::move(input::SampleTable()).take().empty());
  }

  TEST_CASE("equal rows are added up in either half of the stacks") {
    constexpr uint32_t kStacks = 50;
    input::SampleTable table;
    // Two backends in turn, so that a sample's row is never its stack's latest one.
    for (uint32_t i = 0; i < 3000; ++i) {
      for (uint32_t stack = 0; stack < kStacks; ++stack)
        table.add(sample_of(stack, i % 2, i % 3));
    }
    const std::vector<Sample> rows = std::move(table).take();
    REQUIRE(rows.size() == size_t{kStacks} * 2 * 3);
    CHECK(are_in_order(rows));
    for (const Sample& row : rows) {
      CHECK(row.count == 500);
      CHECK(row.weight == 5000);
    }
  }

  TEST_CASE("seconds are merged no further than the rows need") {
    constexpr size_t kMaxRows = 100;
    constexpr uint32_t kSeconds = 5000;
    input::SampleTable table(kMaxRows);
    for (uint32_t second = 0; second < kSeconds; ++second) {
      for (const uint32_t stack : {1U, 2U, 3U})
        table.add(sample_of(stack, 0, second));
    }
    const std::vector<Sample> rows = std::move(table).take();
    CHECK(table.resolution() == 256);  // 3 * 40 rows of 128 seconds are too many
    CHECK(rows.size() == 3 * 20);
    CHECK(are_in_order(rows));
    CHECK(count_of(rows) == uint64_t{kSeconds} * 3);
  }

  TEST_CASE("rows of different stacks are never merged") {
    constexpr uint32_t kStacks = 1000;
    input::SampleTable table(100);
    for (uint32_t second = 0; second < 20; ++second) {
      for (uint32_t stack = 0; stack < kStacks; ++stack)
        table.add(sample_of(stack, 0, second));
    }
    const std::vector<Sample> rows = std::move(table).take();
    REQUIRE(rows.size() == kStacks);
    CHECK(rows.front().count == 20);
    CHECK(rows.back().count == 20);
    CHECK(are_in_order(rows));
  }
}
