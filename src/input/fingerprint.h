// Numbers that stand for texts and for rows of 8-byte words.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "src/input/bytes.h"

namespace pgflame::input {

// 128 bits that stand for the words themselves. No two inputs can be made to have the same one
// without knowing the seed, which is another one in each run.
struct Fingerprint {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const Fingerprint&) const = default;
};
using FingerprintSeed = std::array<uint64_t, 6>;

FingerprintSeed random_seed();
// `words`: whole 8-byte words.
Fingerprint fingerprint(Bytes words, const FingerprintSeed& seed);

// Fast over long inputs: four independent multiply-rotate lanes.
uint64_t hash_text(std::string_view text, uint64_t seed);

}  // namespace pgflame::input
