// How large a text gets once it is compressed, judged while it is being written.
#pragma once

#include <cstddef>
#include <limits>
#include <string_view>

#include "src/profile/gzip.h"

namespace pgflame {

inline constexpr size_t kAnySize = std::numeric_limits<size_t>::max();

class PackedSize {
 public:
  PackedSize(size_t most, int level) : most_(most), level_(level) {}

  // Whether what is written so far clearly takes more than `most` bytes. An eighth of the text is
  // compressed to find out; what pieces may be wrong by is left as a margin.
  bool too_large(std::string_view written) {
    if (most_ == kAnySize) return false;
    while (written.size() - judged_ >= kStep) {
      estimate_ += gzip(written.substr(judged_, kPiece), level_).size() * (kStep / kPiece);
      judged_ += kStep;
    }
    return estimate_ / 10 * 9 > most_;
  }

 private:
  static constexpr size_t kStep = size_t{512} << 10;
  static constexpr size_t kPiece = size_t{64} << 10;

  size_t most_;
  int level_;
  size_t judged_ = 0;
  size_t estimate_ = 0;
};

}  // namespace pgflame
