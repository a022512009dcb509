// Puts the rows of a table in another order without room for a second one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

namespace pgflame {

// Rows follow each other around cycles: where one was is where the next goes. To follow a cycle
// means to wait for memory at each step, so it is cut into arcs, which are followed side by side,
// half of them by a second thread. Each kArc-th row begins an arc and is copied before anything
// moves.
template <typename Row>
class Rearrangement {
 public:
  Rearrangement(std::vector<Row>& rows, std::vector<uint32_t> from)
      : rows_(rows), from_(std::move(from)) {
    for (size_t i = 0; i < rows_.size(); i += kArc)
      beginnings_.push_back(rows_[i]);
  }

  void run() {
    const size_t middle = beginnings_.size() / 2;
    {
      const std::jthread helper([&] { follow(middle, beginnings_.size()); });
      follow(0, middle);
    }
    for (uint32_t i = 0; i < rows_.size(); ++i) {
      if (from_[i] != i) follow_cycle(i);
    }
  }

 private:
  static constexpr uint32_t kArc = 4096;
  static constexpr size_t kTogether = 16;

  // The arcs with these numbers.
  void follow(size_t next, size_t end) {
    std::array<uint32_t, kTogether> places{};  // where the next row of an arc goes
    size_t count = 0;
    do {
      for (; count < kTogether && next < end; ++next)
        places[count++] = static_cast<uint32_t>(next) * kArc;
      for (size_t i = 0; i < count;) {
        const uint32_t to = places[i];
        const uint32_t source = std::exchange(from_[to], to);
        if (source % kArc == 0) {  // the next arc's
          rows_[to] = beginnings_[source / kArc];
          places[i] = places[--count];
        } else {
          rows_[to] = std::move(rows_[source]);
          places[i++] = source;
        }
      }
    } while (count > 0 || next < end);
  }

  // One that no arc begins in.
  void follow_cycle(uint32_t first) {
    Row moved = std::move(rows_[first]);
    uint32_t to = first;
    while (from_[to] != first) {
      const uint32_t source = std::exchange(from_[to], to);
      rows_[to] = std::move(rows_[source]);
      to = source;
    }
    rows_[to] = std::move(moved);
    from_[to] = to;
  }

  std::vector<Row>& rows_;
  std::vector<uint32_t> from_;  // a row that stands where it belongs comes from there
  std::vector<Row> beginnings_;
};

// The row with the number from[i] comes to place i. Each number is there once.
template <typename Row>
void rearrange(std::vector<Row>& rows, std::vector<uint32_t> from) {
  Rearrangement<Row>(rows, std::move(from)).run();
}

}  // namespace pgflame
