// The bytes of one stream of records, made ready a block at a time: read, or lying in a mapped
// file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "src/base/error.h"
#include "src/base/guarded_mapping.h"
#include "src/input/block_buffer.h"
#include "src/input/bytes.h"
#include "src/input/perf_header.h"

namespace pgflame::input {

class RecordBytes {
 public:
  virtual ~RecordBytes() = default;

  // Makes more bytes ready, behind those that were not taken. Returns how many; 0 at the end.
  virtual Result<size_t> more() = 0;
  virtual Bytes ready() const = 0;
  virtual void took(size_t count) = 0;
  // What the ready bytes lie in: they stay while somebody holds it.
  virtual const BlockRef& block() const = 0;
  // Whether these ready bytes, looked at now, are still what the file held.
  virtual bool are_there(Bytes bytes) const = 0;
};

// Fills the span; less only at the end.
using ReadBytes = std::function<Result<size_t>(std::span<uint8_t>)>;

std::unique_ptr<RecordBytes> bytes_read_by(ReadBytes read, BlockPool& blocks);
std::unique_ptr<RecordBytes> bytes_in(std::shared_ptr<const GuardedMapping> mapping,
                                      FileSection section);

}  // namespace pgflame::input
