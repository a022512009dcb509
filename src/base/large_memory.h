// Memory for tables of many megabytes.
#pragma once

#include <cstddef>
#include <vector>

namespace pgflame {

// Asks the kernel to back what has not been touched yet with large pages, where it has them: half a
// thousand page faults become one. For nothing smaller than a few megabytes.
void prefer_large_pages(void* memory, size_t bytes);

// From here on what the process frees in pieces below 8 MiB is kept for what comes next, up to
// 256 MiB: memory that is new to a process costs a page fault every few kilobytes. For commands
// that end soon; only with glibc.
void keep_freed_memory();

// reserve() for a vector that will be filled.
template <typename Row>
void reserve_large(std::vector<Row>& rows, size_t count) {
  if (count <= rows.capacity()) return;
  std::vector<Row> larger;
  larger.reserve(count);
  prefer_large_pages(larger.data(), count * sizeof(Row));
  larger.insert(larger.end(), rows.begin(), rows.end());
  rows.swap(larger);
}

}  // namespace pgflame
