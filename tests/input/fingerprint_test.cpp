#include "src/input/fingerprint.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace pgflame;
using namespace pgflame::input;

namespace {

using Words = std::vector<uint64_t>;

class Chains {
 public:
  Words any(size_t count) {
    Words words(count);
    for (uint64_t& word : words)
      word = random_() >> (random_() % 40);
    return words;
  }
  FingerprintSeed seed() {
    FingerprintSeed seed{};
    std::ranges::generate(seed, std::ref(random_));
    return seed;
  }
  // Others that differ from these words in a bit, in length or in order.
  std::vector<Words> near(const Words& words) {
    std::vector<Words> others(2, words);
    others[0].push_back(0);
    others[1].push_back(random_());
    if (words.empty()) return others;
    for (int i = 0; i < 8; ++i) {
      others.push_back(words);
      others.back()[random_() % words.size()] ^= uint64_t{1} << (random_() % 64);
    }
    for (size_t distance = 1; distance < words.size(); ++distance) {
      others.push_back(words);
      std::swap(others.back()[0], others.back()[distance]);
    }
    if (words.size() >= 4) {
      others.push_back(words);
      std::swap_ranges(others.back().begin(), others.back().begin() + 2, others.back().begin() + 2);
    }
    std::erase(others, words);
    return others;
  }

 private:
  std::mt19937_64 random_{7};
};

Fingerprint print_of(const Words& words, const FingerprintSeed& seed) {
  return fingerprint({reinterpret_cast<const uint8_t*>(words.data()), words.size() * 8}, seed);
}

// What the table of chains compares.
bool are_told_apart(const Fingerprint& a, const Fingerprint& b) {
  return a.high != b.high || static_cast<uint32_t>(a.low) != static_cast<uint32_t>(b.low);
}

void check_near_chains(Chains& chains, const FingerprintSeed& seed) {
  for (size_t count = 0; count < 10; ++count) {
    const Words words = chains.any(count);
    const Fingerprint print = print_of(words, seed);
    CHECK(print == print_of(words, seed));
    for (const Words& other : chains.near(words)) {
      CAPTURE(count);
      CAPTURE(other.size());
      CHECK(are_told_apart(print, print_of(other, seed)));
    }
  }
}

}  // namespace

TEST_SUITE("input") {
  TEST_CASE("chains that differ in a bit, in length or in order have different fingerprints") {
    Chains chains;
    for (int i = 0; i < 50; ++i)
      check_near_chains(chains, chains.seed());
  }

  TEST_CASE("no unlucky seed makes all chains of a length equal") {
    Chains chains;
    for (size_t i = 0; i < FingerprintSeed{}.size(); ++i) {
      for (const uint64_t odd : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}}) {
        FingerprintSeed seed = chains.seed();
        seed[i] = odd;
        check_near_chains(chains, seed);
      }
      for (size_t j = 0; j < i; ++j) {
        CAPTURE(i);
        CAPTURE(j);
        FingerprintSeed seed = chains.seed();
        seed[i] = seed[j];
        check_near_chains(chains, seed);
        seed[i] = ~seed[j];
        check_near_chains(chains, seed);
      }
    }
  }
}
