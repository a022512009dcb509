// Memory that records are cut from. It comes in blocks that are kept for as long as somebody needs
// what lies in them, so that copied stacks go from the thread that decodes to the one that unwinds
// without being copied again; and it is used again, because fresh pages cost more than the walk.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "src/input/bytes.h"

namespace pgflame::input {

struct Block {
  // Larger than any record (64 KiB); small enough to stay in the processor's cache.
  static constexpr size_t kSize = size_t{512} << 10;
  std::unique_ptr<uint8_t[]> bytes = std::make_unique_for_overwrite<uint8_t[]>(kSize);
};
// Keeps what lies in a block, here or in a mapped file; different blocks have different addresses.
using BlockRef = std::shared_ptr<const void>;

// May be used by several threads; outlives the blocks that come from it.
class BlockPool {
 public:
  // With whatever it was last used for.
  std::shared_ptr<Block> take();

 private:
  void give_back(std::unique_ptr<Block> block);

  std::mutex mutex_;
  std::vector<std::unique_ptr<Block>> free_;
};

// A queue of bytes: filled in pieces, taken from in records. What was taken stays where it is while
// somebody holds its block.
class BlockBuffer {
 public:
  explicit BlockBuffer(BlockPool& pool) : pool_(&pool) {}

  // Where the next bytes go. Never empty while what is ready is smaller than the largest record.
  // What is ready may move to another block.
  std::span<uint8_t> room();
  void filled(size_t count) { end_ += count; }

  Bytes ready() const;
  void took(size_t count) { begin_ += count; }
  // What the ready bytes lie in; null before there is room.
  const BlockRef& block() const { return block_; }

 private:
  BlockPool* pool_;
  BlockRef block_;
  uint8_t* bytes_ = nullptr;  // the block's
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace pgflame::input
