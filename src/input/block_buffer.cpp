#include "src/input/block_buffer.h"

#include <algorithm>
#include <utility>

namespace pgflame::input {

BlockRef BlockPool::take() {
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
    BlockRef next = pool_->take();
    const Bytes unfinished = ready();
    std::ranges::copy(unfinished, next->bytes.get());
    block_ = std::move(next);
    begin_ = 0;
    end_ = unfinished.size();
  }
  return {block_->bytes.get() + end_, Block::kSize - end_};
}

Bytes BlockBuffer::ready() const {
  return block_ ? Bytes(block_->bytes.get() + begin_, end_ - begin_) : Bytes();
}

}  // namespace pgflame::input
