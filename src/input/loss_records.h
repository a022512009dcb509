// What the records of a capture say was lost, and when.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pgflame::input {

class LossRecords {
 public:
  enum class Kind : uint8_t {
    kInRing,     // samples, PERF_RECORD_LOST
    kInEvent,    // samples, PERF_RECORD_LOST_SAMPLES
    kByFilter,   // samples that a BPF filter of the recorder rejected
    kThrottled,  // times that sampling was throttled
  };

  // `time` of the capture's clock, 0 unknown.
  void add(Kind kind, uint64_t time, uint64_t count) {
    // A capture with more lies, or has lost nearly everything: the rest counts as of no time.
    constexpr size_t kMost = size_t{1} << 16;
    if (records_.size() < kMost) {
      records_.push_back({time, count, kind});
    } else {
      uint64_t& rest = rest_[static_cast<size_t>(kind)];
      rest = bounded_sum(rest, count);
    }
  }

  // Of those whose time is_wanted(), and those of no known time.
  template <typename IsWanted>
  uint64_t sum(Kind kind, const IsWanted& is_wanted) const {
    uint64_t sum = rest_[static_cast<size_t>(kind)];
    for (const Record& record : records_) {
      if (record.kind == kind && (record.time == 0 || is_wanted(record.time)))
        sum = bounded_sum(sum, record.count);
    }
    return sum;
  }

 private:
  struct Record {
    uint64_t time = 0;
    uint64_t count = 0;
    Kind kind = Kind::kInRing;
  };

  // What a file claims may add up to anything.
  static uint64_t bounded_sum(uint64_t sum, uint64_t more) {
    return sum + std::min(more, UINT64_MAX - sum);
  }

  std::vector<Record> records_;
  std::array<uint64_t, 4> rest_{};  // by kind
};

}  // namespace pgflame::input
