// Newer kernels record the user part of a call chain when the thread returns to user space: the
// sample ends in a marker and a cookie, and a later record of the same thread brings the rest
// (PERF_RECORD_CALLCHAIN_DEFERRED). Until then the sample waits here.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "src/input/perf_batch.h"

namespace pgflame::input {

class DeferredChains {
 public:
  struct Waiting {
    SampleRecord sample;
    std::vector<uint64_t> chain;  // without marker and cookie, in our byte order
  };

  void hold(uint64_t cookie, Waiting waiting);
  // The samples that wait for this cookie.
  std::vector<Waiting> take(int32_t tid, uint64_t cookie);
  std::vector<Waiting> take_all();
  // More waits than is reasonable; the rest will not come.
  bool is_full() const;

 private:
  std::multimap<std::pair<int32_t, uint64_t>, Waiting> waiting_;
  size_t bytes_ = 0;
};

}  // namespace pgflame::input
