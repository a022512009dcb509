// Hands items from the thread that makes them to the thread that uses them. Either side may end or
// fail before the other: neither is left waiting.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace pgflame::input {

template <typename Item>
class HandOver {
 public:
  // At most so many items wait.
  explicit HandOver(size_t capacity) : capacity_(capacity) {}

  // Waits while the other side is far behind. False: nobody takes items any more.
  [[nodiscard]] bool push(Item item) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return abandoned_ || items_.size() < capacity_; });
    if (abandoned_) return false;
    items_.push_back(std::move(item));
    changed_.notify_all();
    return true;
  }

  // The maker's end: no more items come.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  // The user's end: no more items are taken.
  void abandon() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    changed_.notify_all();
  }

  // Nothing once it is closed and empty.
  std::optional<Item> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    Item item = std::move(items_.front());
    items_.pop_front();
    changed_.notify_all();
    return item;
  }

 private:
  size_t capacity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  bool closed_ = false;
  bool abandoned_ = false;
};

// Runs make(put) on a thread of its own and use(item) on this one; at most `capacity` items wait in
// between. put(item) says whether more are wanted. What either of them throws comes out here, after
// the other has ended.
template <typename Item, typename Make, typename Use>
void make_and_use(size_t capacity, Make make, Use use) {
  HandOver<Item> queue(capacity);
  std::exception_ptr failure;
  {
    const std::jthread maker([&] {
      try {
        make([&queue](Item item) { return queue.push(std::move(item)); });
      } catch (...) {
        failure = std::current_exception();
      }
      queue.close();
    });
    // Destroyed before the maker is waited for.
    struct Abandon {
      HandOver<Item>& queue;
      ~Abandon() { queue.abandon(); }
    };
    const Abandon abandon{queue};
    while (auto item = queue.pop())
      use(std::move(*item));
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace pgflame::input
