// gzip in memory.
#pragma once

#include <limits>
#include <string>
#include <string_view>

#include "src/base/error.h"

namespace pgflame {

inline bool is_gzip(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b");
}

// `level`: 1 (fast) to 12 (dense). Empty when it takes more than `most` bytes.
std::string gzip(std::string_view bytes,
                 int level = 6,
                 size_t most = std::numeric_limits<size_t>::max());

// At most `limit` bytes come out; more is an Error (kCorrupt), and so is a broken stream. When the
// stream just ends early, what was there is returned and `truncated` set.
struct Gunzipped {
  std::string bytes;
  bool truncated = false;
};
Result<Gunzipped> gunzip(std::string_view bytes, size_t limit);

}  // namespace pgflame
