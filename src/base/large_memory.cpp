#include "src/base/large_memory.h"

#include <cstdint>

#include <sys/mman.h>

#include <malloc.h>

namespace pgflame {

void prefer_large_pages(void* memory, size_t bytes) {
  constexpr uintptr_t kLargePage = uintptr_t{2} << 20;
  const auto begin = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t first = (begin + kLargePage - 1) & ~(kLargePage - 1);
  const uintptr_t last = (begin + bytes) & ~(kLargePage - 1);
  if (first >= last) return;
  // Advice: nothing depends on whether it is taken.
  ::madvise(static_cast<uint8_t*>(memory) + (first - begin), last - first, MADV_HUGEPAGE);
}

void keep_freed_memory() {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_THRESHOLD, 8 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
}

}  // namespace pgflame
