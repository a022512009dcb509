#include "src/input/block_buffer.h"

#include <algorithm>
#include <numeric>

#include <doctest/doctest.h>

using namespace pgflame::input;

namespace {

// Puts `count` bytes with the values from `first` on behind what is ready.
void put(BlockBuffer& buffer, size_t count, uint8_t first) {
  const auto room = buffer.room();
  REQUIRE(room.size() >= count);
  std::iota(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(count), first);
  buffer.filled(count);
}

}  // namespace

TEST_SUITE("input") {
  TEST_CASE("what is not taken stays in front when a buffer goes on in another block") {
    BlockPool pool;
    BlockBuffer buffer(pool);
    CHECK(buffer.ready().empty());
    put(buffer, Block::kSize, 0);
    buffer.took(Block::kSize - 3);
    const BlockRef first = buffer.block();
    put(buffer, 2, 7);
    CHECK(buffer.block() != first);
    const std::vector<uint8_t> expected{0xfd, 0xfe, 0xff, 7, 8};
    CHECK(std::ranges::equal(buffer.ready(), expected));
  }

  TEST_CASE("there is room behind the largest record that is not complete") {
    constexpr size_t kLargest = 65535;
    BlockPool pool;
    BlockBuffer buffer(pool);
    put(buffer, Block::kSize, 0);
    buffer.took(Block::kSize - kLargest);
    CHECK_FALSE(buffer.room().empty());
    CHECK(buffer.ready().size() == kLargest);
    buffer.filled(buffer.room().size());
    CHECK(buffer.ready().size() == Block::kSize);
  }

  TEST_CASE("a block that is held keeps its bytes, one that is not is used again") {
    BlockPool pool;
    BlockBuffer buffer(pool);
    put(buffer, Block::kSize, 0);
    BlockRef held = buffer.block();
    const Bytes bytes = buffer.ready();
    buffer.took(Block::kSize);
    put(buffer, Block::kSize, 100);
    CHECK(bytes[0] == 0);
    CHECK(buffer.block() != held);
    const void* const released = held.get();
    held.reset();
    CHECK(pool.take().get() == released);
  }
}
