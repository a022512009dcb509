#include "src/input/deferred_chains.h"

namespace pgflame::input {
namespace {

size_t bytes_of(const DeferredChains::Waiting& waiting) {
  return sizeof waiting + waiting.chain.size() * sizeof(uint64_t) +
         (waiting.sample.dump ? Block::kSize : 0);
}

}  // namespace

void DeferredChains::hold(uint64_t cookie, Waiting waiting) {
  bytes_ += bytes_of(waiting);
  const std::pair key{waiting.sample.tid, cookie};
  waiting_.emplace(key, std::move(waiting));
}

std::vector<DeferredChains::Waiting> DeferredChains::take(int32_t tid, uint64_t cookie) {
  const auto [first, last] = waiting_.equal_range({tid, cookie});
  std::vector<Waiting> taken;
  for (auto at = first; at != last; ++at) {
    bytes_ -= bytes_of(at->second);
    taken.push_back(std::move(at->second));
  }
  waiting_.erase(first, last);
  return taken;
}

std::vector<DeferredChains::Waiting> DeferredChains::take_all() {
  std::vector<Waiting> taken;
  for (auto& [key, waiting] : waiting_)
    taken.push_back(std::move(waiting));
  waiting_.clear();
  bytes_ = 0;
  return taken;
}

bool DeferredChains::is_full() const {
  constexpr size_t kMaxBytes = size_t{32} << 20;
  return bytes_ > kMaxBytes;
}

}  // namespace pgflame::input
