// What is mapped where in one process, for turning addresses into (mapping, address) locations.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "src/profile/profile.h"

namespace pgflame {

class AddressSpace {
 public:
  struct Range {
    uint64_t start = 0;
    uint64_t end = 0;  // exclusive
    MappingId mapping;
  };

  // Newer mappings win: older ones are trimmed or split where they overlap.
  void add(uint64_t start, uint64_t end, MappingId mapping);
  void clear() { ranges_.clear(); }

  // The mapping that covers the address, or an invalid id.
  MappingId find(uint64_t address) const { return range_at(address).mapping; }
  // The same with the range for which it holds; an empty one where nothing is mapped.
  Range range_at(uint64_t address) const;
  const std::vector<Range>& ranges() const { return ranges_; }

 private:
  std::vector<Range> ranges_;  // sorted by start, disjoint
};

// One line of /proc/PID/maps.
struct MapsLine {
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t file_offset = 0;
  bool executable = false;
  std::string_view device;  // "fd:01", into the text too
  uint64_t inode = 0;
  std::string_view path;  // into the text that was parsed; empty for anonymous memory
};

// The lines that can be parsed; the rest is skipped (a dying process cuts its last line short).
std::vector<MapsLine> parse_maps(std::string_view text);

// What a mapping's name says about it: "[vdso]", "/memfd:...", "//anon", "", a path, ...
ModuleKind kind_of_mapping(std::string_view path);

// Whether the file is a library that makes code at run time.
bool makes_code(std::string_view path);

// As kind_of_mapping, for executable memory: what is in no file is made at run time (kJit) where
// the process has such a library mapped.
ModuleKind kind_of_code(std::string_view path, bool beside_code_maker);

}  // namespace pgflame
