// The bytes of a capture from front to back, from a file or standard input, decompressed on the
// way.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/base/file.h"
#include "src/base/guarded_mapping.h"
#include "src/input/decompressor.h"

namespace pgflame::input {

class ByteStream {
 public:
  // "-" is standard input.
  static Result<ByteStream> open(const std::string& path);
  // For bytes that are in memory already.
  static ByteStream over(std::vector<uint8_t> bytes);
  // For a file of `size` bytes, to be read by position.
  static ByteStream over(FileHandle file, uint64_t size);

  // The next bytes without taking them; fewer than `count` only when the input ends before.
  Result<Bytes> peek(size_t count);
  // Fills `out`; less only at the end of the input.
  Result<size_t> read(std::span<uint8_t> out);

  // Its bytes can be read by position: a regular file that is not compressed, or memory.
  bool is_plain_file() const { return file_size_.has_value() && !decompressor_; }
  uint64_t file_size() const { return file_size_.value_or(0); }
  // Fills `out` from there; less when the file ends before. Only for plain files.
  size_t read_at(uint64_t offset, std::span<uint8_t> out) const;
  // The whole of a plain file. Null for memory, and where a file cannot be mapped.
  std::shared_ptr<const GuardedMapping> mapped() const;
  // A plain file has become smaller since it was opened.
  bool has_shrunk() const;

  // The compressed data ended in the middle.
  bool truncated() const { return truncated_; }

 private:
  Result<size_t> read_some(std::span<uint8_t> out);
  Result<size_t> read_raw(std::span<uint8_t> out);
  Result<size_t> decompress_some(std::span<uint8_t> out);

  FileHandle file_;
  std::optional<uint64_t> file_size_;
  std::vector<uint8_t> ahead_;  // read but not yet taken
  size_t ahead_taken_ = 0;
  std::optional<Decompressor> decompressor_;
  std::vector<uint8_t> compressed_;
  size_t compressed_begin_ = 0;
  size_t compressed_end_ = 0;
  bool raw_ended_ = false;
  bool truncated_ = false;
};

}  // namespace pgflame::input
