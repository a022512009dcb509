#include "src/input/block_buffer.h"

#include <algorithm>
#include <utility>

namespace pgflame::input {

std::shared_ptr<Block> BlockPool::take() {
  std::unique_ptr<Block> block;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      block = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!block) block = std::make_unique<Block>();
  return {block.release(), [this](Block* back) { give_back(std::unique_ptr<Block>(back)); }};
}

void BlockPool::give_back(std::unique_ptr<Block> block) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(block));
}

std::span<uint8_t> BlockBuffer::room() {
  constexpr size_t kLeast = Block::kSize / 4;
  if (!block_ || Block::kSize - end_ < kLeast) {
    std::shared_ptr<Block> next = pool_->take();
    const Bytes unfinished = ready();
    std::ranges::copy(unfinished, next->bytes.get());
    bytes_ = next->bytes.get();
    block_ = std::move(next);
    begin_ = 0;
    end_ = unfinished.size();
  }
  return {bytes_ + end_, Block::kSize - end_};
}

Bytes BlockBuffer::ready() const {
  return {bytes_ + begin_, end_ - begin_};
}

}  // namespace pgflame::input
