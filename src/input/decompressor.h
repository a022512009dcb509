// gzip, xz and zstd, piece by piece.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "src/base/error.h"
#include "src/input/bytes.h"

namespace pgflame::input {

enum class Compression { kNone, kGzip, kXz, kZstd };

// By the first bytes (6 are enough).
Compression compression_of(Bytes start);

class Decompressor {
 public:
  explicit Decompressor(Compression compression);
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;
  ~Decompressor();

  struct Step {
    size_t consumed = 0;
    size_t produced = 0;
  };
  // Turns some of `in` into some of `out`. Several compressed streams may follow each other; zero
  // bytes behind them are padding.
  Result<Step> run(Bytes in, std::span<uint8_t> out);

  // All of the last stream has come out; an input that ends otherwise was cut.
  bool at_end_of_stream() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pgflame::input
