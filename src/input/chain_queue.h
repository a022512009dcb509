// Call chains that wait for their number: by the time it is looked up, its place in the table has
// come from memory.
#pragma once

#include <array>
#include <vector>

#include "src/input/chain_table.h"
#include "src/input/perf_batch.h"

namespace pgflame::input {

class ChainQueue {
 public:
  // Numbers the chain of samples[sample] now or later, at the latest with settle(). Until then
  // samples behind it may be added, but none taken away, and the chain's bytes stay.
  void add(ChainTable& chains, Bytes chain, std::vector<SampleRecord>& samples, size_t sample) {
    if (count_ == waiting_.size()) settle_oldest(chains, samples);
    Waiting& next = waiting_[(first_ + count_++) % waiting_.size()];
    const Fingerprint print = chains.print_of(chain);
    chains.fetch(print);
    // Not as a whole, which gcc 12 copies through memory and waits for.
    next.print.low = print.low;
    next.print.high = print.high;
    next.words = chain;
    next.sample = sample;
  }

  void settle(ChainTable& chains, std::vector<SampleRecord>& samples) {
    while (count_ > 0)
      settle_oldest(chains, samples);
  }

 private:
  struct Waiting {
    Fingerprint print;
    Bytes words;
    size_t sample = 0;
  };

  void settle_oldest(ChainTable& chains, std::vector<SampleRecord>& samples) {
    const Waiting& oldest = waiting_[first_];
    samples[oldest.sample].chain = chains.intern(oldest.words, oldest.print);
    first_ = (first_ + 1) % waiting_.size();
    --count_;
  }

  std::array<Waiting, 8> waiting_;
  size_t first_ = 0;
  size_t count_ = 0;
};

}  // namespace pgflame::input
