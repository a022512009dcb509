// The functions that a compiler inlined at an address, and source lines, from DWARF.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pgflame::symbolizer {

struct SourceFrame {
  std::string name;  // as in the source, or mangled
  std::string file;  // last part of the path
  uint32_t line = 0;
};

// Reads one file's DWARF on demand, split and compressed sections and dwz files included.
class InlinedFrames {
 public:
  // Null when the file cannot be read or has no DWARF.
  static std::unique_ptr<InlinedFrames> open(const std::string& path);

  virtual ~InlinedFrames() = default;
  InlinedFrames(const InlinedFrames&) = delete;
  InlinedFrames& operator=(const InlinedFrames&) = delete;

  // Innermost inlined function first, the function that has machine code of its own last. Empty
  // when DWARF does not cover the address.
  virtual std::vector<SourceFrame> at(uint64_t vaddr) = 0;
  // Other files may have a say in what is told: split units, and what several files share.
  virtual bool refers_to_other_files() const { return false; }
  // Best effort: what was told is there in the next run, too.
  virtual void keep() {}

 protected:
  InlinedFrames() = default;
};

}  // namespace pgflame::symbolizer
