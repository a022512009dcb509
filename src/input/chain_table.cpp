#include "src/input/chain_table.h"

#include <array>
#include <bit>
#include <cstring>

namespace pgflame::input {

uint64_t hash_words(Bytes words) {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15ULL;
  std::array<uint64_t, 4> lanes{1, 2, 3, words.size()};
  const uint8_t* at = words.data();
  const uint8_t* const end = at + words.size() / 8 * 8;
  const auto mix = [](uint64_t lane, const uint8_t* from) {
    uint64_t word = 0;
    std::memcpy(&word, from, 8);
    return std::rotl((lane ^ word) * kMultiplier, 29);
  };
  for (; end - at >= 32; at += 32) {
    for (size_t i = 0; i < 4; ++i)
      lanes[i] = mix(lanes[i], at + i * 8);
  }
  for (size_t i = 0; at < end; at += 8, ++i)
    lanes[i] = mix(lanes[i], at);
  return hash_mix(hash_mix(lanes[0], lanes[1]), hash_mix(lanes[2], lanes[3]));
}

uint64_t hash_text(std::string_view text, uint64_t seed) {
  const size_t whole = text.size() / 8 * 8;
  uint64_t tail = 0;
  if (whole < text.size()) std::memcpy(&tail, text.data() + whole, text.size() - whole);
  return hash_mix(hash_mix(hash_words(as_bytes(text.substr(0, whole))), tail), seed ^ text.size());
}

ChainTable::ChainTable() {
  intern({});
}

ChainId ChainTable::intern(Bytes words) {
  const uint64_t hash = hash_words(words);
  const uint32_t found = index_.find(hash, [&](uint32_t id) {
    const Chain& chain = chains_[id];
    return chain.size_bytes() == words.size() &&
           std::memcmp(chain.data(), words.data(), words.size()) == 0;
  });
  if (found != HashIndex::kAbsent) return found;
  if (bytes_ + words.size() > kMaxBytes) {
    overflowed_ = true;
    return kOverflow;
  }
  const auto id = static_cast<ChainId>(chains_.size());
  chains_.push_back(store(words));
  index_.insert(hash, id);
  return id;
}

Chain ChainTable::store(Bytes words) {
  constexpr size_t kBlockWords = size_t{128} << 10;
  const size_t count = words.size() / 8;
  if (count > block_left_) {
    block_left_ = std::max(count, kBlockWords);
    next_ = blocks_.emplace_back(block_left_).data();
  }
  uint64_t* const start = next_;
  if (count > 0) std::memcpy(start, words.data(), count * 8);
  next_ += count;
  block_left_ -= count;
  bytes_ += words.size();
  return {start, count};
}

}  // namespace pgflame::input
