#include "src/input/chain_table.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "src/base/large_memory.h"

namespace pgflame::input {

ChainTable::ChainTable() : seed_(random_seed()), slots_(1024) {
  intern({});
}

ChainTable::Slot& ChainTable::slot_of(uint64_t high, uint32_t low) {
  const size_t mask = slots_.size() - 1;
  size_t at = low & mask;
  while (slots_[at].id != kFree && (slots_[at].high != high || slots_[at].low != low))
    at = (at + 1) & mask;
  return slots_[at];
}

void ChainTable::grow() {
  std::vector<Slot> old;
  reserve_large(old, slots_.size() * 2);
  old.resize(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.id != kFree) slot_of(slot.high, slot.low) = slot;
  }
}

ChainId ChainTable::intern(Bytes words, const Fingerprint& print) {
  const auto low = static_cast<uint32_t>(print.low);
  const Slot& known = slot_of(print.high, low);
  if (known.id != kFree) return known.id;
  if (bytes_ + words.size() > kMaxBytes) {
    overflowed_ = true;
    return kOverflow;
  }
  const auto id = static_cast<ChainId>(chains_.size());
  chains_.push_back(store(words));
  if (chains_.size() / 2 * 3 > slots_.size()) grow();
  slot_of(print.high, low) = {print.high, low, id};
  return id;
}

Chain ChainTable::store(Bytes words) {
  constexpr size_t kFirstBlock = size_t{64} << 10;  // words
  constexpr size_t kBlock = size_t{512} << 10;
  const size_t count = words.size() / 8;
  if (count > block_left_) {
    block_left_ = std::max(count, blocks_.empty() ? kFirstBlock : kBlock);
    next_ = blocks_.emplace_back(std::make_unique_for_overwrite<uint64_t[]>(block_left_)).get();
    if (blocks_.size() > 1) prefer_large_pages(next_, block_left_ * 8);
  }
  uint64_t* const start = next_;
  if (count > 0) std::memcpy(start, words.data(), count * 8);
  next_ += count;
  block_left_ -= count;
  bytes_ += words.size();
  return {start, count};
}

}  // namespace pgflame::input
