// Hands batches from the thread that decodes to the thread that builds the profile.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "src/input/perf_batch.h"

namespace pgflame::input {

class BatchQueue {
 public:
  // Waits while the other side is far behind.
  void push(Batch batch);
  void close();
  // Nothing once the queue is closed and empty.
  std::optional<Batch> pop();

 private:
  static constexpr size_t kMaxBatches = 16;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> batches_;
  bool closed_ = false;
};

}  // namespace pgflame::input
