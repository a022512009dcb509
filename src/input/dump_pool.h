// Registers and stack memory of samples, for the unwinder. They go from the thread that decodes to
// the one that unwinds and their memory goes back: a new page for every few samples costs more than
// the walk.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace pgflame::input {

struct Dump {
  uint64_t abi = 0;
  uint64_t register_mask = 0;
  std::vector<uint64_t> registers;
  std::vector<uint8_t> stack;
};

// May be used by several threads; outlives the dumps that come from it.
class DumpPool {
 public:
  struct Return {
    DumpPool* pool = nullptr;
    void operator()(Dump* dump) const { pool->give_back(std::unique_ptr<Dump>(dump)); }
  };
  using Handle = std::unique_ptr<Dump, Return>;

  // With whatever it was last used for.
  Handle take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return Handle(new Dump, Return{this});
    Handle dump(free_.back().release(), Return{this});
    free_.pop_back();
    return dump;
  }

 private:
  void give_back(std::unique_ptr<Dump> dump) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(dump));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Dump>> free_;
};

}  // namespace pgflame::input
