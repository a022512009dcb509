#include "src/base/hash_index.h"

#include <cstring>

namespace pgflame {

uint64_t hash_bytes(std::string_view bytes, uint64_t seed) {
  uint64_t hash = hash_mix(seed, bytes.size());
  while (bytes.size() >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    hash = hash_mix(hash, word);
    bytes.remove_prefix(8);
  }
  uint64_t tail = 0;
  if (!bytes.empty()) std::memcpy(&tail, bytes.data(), bytes.size());
  return hash_mix(hash, tail);
}

}  // namespace pgflame
