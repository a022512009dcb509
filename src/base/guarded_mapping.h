// A file mapped for reading while somebody else may cut it short. Touching what a mapped file has
// lost raises SIGBUS (mmap(2)); here it reads as zeros from there on, and the mapping says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "src/base/file.h"

namespace pgflame {

class GuardedMapping {
 public:
  // The first `size` bytes. Null where they cannot be mapped: none are asked for, the file system
  // does not do it, too many are guarded already.
  static std::shared_ptr<const GuardedMapping> of(const FileHandle& file, uint64_t size);
  GuardedMapping(const GuardedMapping&) = delete;
  GuardedMapping& operator=(const GuardedMapping&) = delete;
  ~GuardedMapping();

  std::span<const uint8_t> bytes() const { return bytes_; }
  // Something that was touched was not in the file any more.
  bool lost_bytes() const;
  // Frees the memory of these bytes; where they are read again they come from the file again.
  void let_go(size_t offset, size_t count) const;

 private:
  GuardedMapping(std::span<const uint8_t> bytes, size_t guard) : bytes_(bytes), guard_(guard) {}

  std::span<const uint8_t> bytes_;
  size_t guard_;  // its number among those that the signal handler knows
};

}  // namespace pgflame
