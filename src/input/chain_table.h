// Raw call chains, each stored once. A chain is what the kernel recorded: context markers
// (kernel, user, ...) and addresses, innermost first, and always starts with a marker.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "src/input/bytes.h"
#include "src/input/fingerprint.h"

namespace pgflame::input {

using ChainId = uint32_t;
using Chain = std::span<const uint64_t>;

// PERF_CONTEXT_*: chain entries from kLowestMarker on are no addresses.
constexpr uint64_t kLowestMarker = static_cast<uint64_t>(-4095);
constexpr uint64_t kMarkerHypervisor = static_cast<uint64_t>(-32);
constexpr uint64_t kMarkerKernel = static_cast<uint64_t>(-128);
constexpr uint64_t kMarkerUser = static_cast<uint64_t>(-512);
constexpr uint64_t kMarkerUserDeferred = static_cast<uint64_t>(-640);
constexpr uint64_t kMarkerGuest = static_cast<uint64_t>(-2048);
constexpr uint64_t kMarkerGuestKernel = static_cast<uint64_t>(-2176);
constexpr uint64_t kMarkerGuestUser = static_cast<uint64_t>(-2560);

// Chains are told apart by their fingerprints: comparing them with what is stored would fetch
// memory that is in no cache.
//
// Addresses of stored chains stay where they are for the table's lifetime, so that another thread
// can read the chains it has been told of while this one adds more.
class ChainTable {
 public:
  // Chains beyond this much memory are not told apart any more; see kOverflow.
  static constexpr size_t kMaxBytes = size_t{1} << 30;
  static constexpr ChainId kOverflow = 0;  // the empty chain, for all that found no room

  ChainTable();

  // `words`: whole 8-byte words in our byte order, unaligned.
  ChainId intern(Bytes words) { return intern(words, print_of(words)); }
  // The same in two steps: between them there is time to fetch() what the second one needs.
  Fingerprint print_of(Bytes words) const { return fingerprint(words, seed_); }
  void fetch(const Fingerprint& print) const {
    __builtin_prefetch(&slots_[print.low & (slots_.size() - 1)]);
  }
  ChainId intern(Bytes words, const Fingerprint& print);
  Chain operator[](ChainId id) const { return chains_[id]; }
  size_t size() const { return chains_.size(); }
  bool overflowed() const { return overflowed_; }

 private:
  // The place of a slot follows from the low half; 96 bits are compared. Free ones have kFree.
  struct Slot {
    uint64_t high = 0;
    uint32_t low = 0;
    ChainId id = kFree;
  };
  static constexpr ChainId kFree = UINT32_MAX;

  Slot& slot_of(uint64_t high, uint32_t low);
  void grow();
  Chain store(Bytes words);

  FingerprintSeed seed_;
  std::vector<Slot> slots_;
  std::vector<Chain> chains_;
  std::vector<std::unique_ptr<uint64_t[]>> blocks_;
  size_t block_left_ = 0;
  uint64_t* next_ = nullptr;
  size_t bytes_ = 0;
  bool overflowed_ = false;
};

}  // namespace pgflame::input
