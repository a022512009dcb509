// How large the kernel's array of unwinding rows is made.
#pragma once

#include <cstdint>
#include <span>

namespace pgflame::capture {

inline constexpr uint32_t kFewestRows = 1U << 21U;  // 16 MiB: a backend with LLVM loaded
inline constexpr uint32_t kMostRows = 1U << 23U;    // 64 MiB

class RowEstimate {
 public:
  // A module's unwind information in bytes, and whether it makes code at run time.
  void add(uint64_t frame_bytes, bool makes_code);

  // Enough for the modules, for code made at run time and for what may be loaded later; between the
  // two limits.
  uint32_t rows() const;

 private:
  uint64_t bytes_ = 0;
  bool has_code_maker_ = false;
};

// For what these processes have mapped by now.
uint32_t rows_for(std::span<const int32_t> pids);

}  // namespace pgflame::capture
