#include "src/input/fingerprint.h"

#include <array>
#include <bit>
#include <cstring>
#include <random>

#include "src/base/hash_index.h"

namespace pgflame::input {
namespace {

uint64_t word_from(const uint8_t* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, 8);
  return word;
}

// Both halves of the 128-bit product in one, as in wyhash.
uint64_t fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t hash_words(Bytes words) {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15ULL;
  std::array<uint64_t, 4> lanes{1, 2, 3, words.size()};
  const uint8_t* at = words.data();
  const uint8_t* const end = at + words.size() / 8 * 8;
  const auto mix = [](uint64_t lane, const uint8_t* from) {
    return std::rotl((lane ^ word_from(from)) * kMultiplier, 29);
  };
  for (; end - at >= 32; at += 32) {
    for (size_t i = 0; i < 4; ++i)
      lanes[i] = mix(lanes[i], at + i * 8);
  }
  for (size_t i = 0; at < end; at += 8, ++i)
    lanes[i] = mix(lanes[i], at);
  return hash_mix(hash_mix(lanes[0], lanes[1]), hash_mix(lanes[2], lanes[3]));
}

}  // namespace

FingerprintSeed random_seed() {
  std::random_device source;
  FingerprintSeed seed{};
  for (uint64_t& word : seed)
    word = uint64_t{source()} << 32 | source();
  return seed;
}

// Two chains of multiplications, each over all words, so that both halves depend on each of them.
// Every other pair of words is for a second two: a processor does all four at once.
Fingerprint fingerprint(Bytes words, const FingerprintSeed& seed) {
  struct Lane {
    uint64_t low = 0;
    uint64_t high = 0;

    void add(const uint8_t* at, const FingerprintSeed& seed) {
      const uint64_t first = word_from(at);
      const uint64_t second = word_from(at + 8);
      low = fold(low ^ first, second ^ seed[2]);
      high = fold(high ^ second, first ^ seed[3]);
    }
  };
  Lane even{seed[0] ^ words.size(), seed[1]};
  Lane odd{seed[4], seed[5]};
  const uint8_t* at = words.data();
  const uint8_t* const end = at + words.size() / 8 * 8;
  for (; end - at >= 32; at += 32) {
    even.add(at, seed);
    odd.add(at + 16, seed);
  }
  if (end - at >= 16) {
    even.add(at, seed);
    at += 16;
  }
  if (at < end) {
    const uint64_t last = word_from(at);
    odd.low = fold(odd.low ^ last, seed[2]);
    odd.high = fold(odd.high ^ seed[3], last ^ seed[4]);
  }
  // The second pair may still be as it began, seed[4] and seed[5]: other words of the seed keep the
  // halves apart.
  const uint64_t low = fold(even.low ^ seed[4], odd.low ^ seed[5]);
  const uint64_t high = fold(even.high ^ seed[5], odd.high ^ seed[3]);
  return {fold(low ^ seed[0], words.size() ^ seed[1]), fold(high ^ seed[1], low ^ seed[0])};
}

uint64_t hash_text(std::string_view text, uint64_t seed) {
  const size_t whole = text.size() / 8 * 8;
  uint64_t tail = 0;
  if (whole < text.size()) std::memcpy(&tail, text.data() + whole, text.size() - whole);
  return hash_mix(hash_mix(hash_words(as_bytes(text.substr(0, whole))), tail), seed ^ text.size());
}

}  // namespace pgflame::input
