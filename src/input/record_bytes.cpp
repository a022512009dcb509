#include "src/input/record_bytes.h"

#include <algorithm>
#include <utility>

namespace pgflame::input {
namespace {

class ReadIntoBlocks : public RecordBytes {
 public:
  ReadIntoBlocks(ReadBytes read, BlockPool& blocks) : read_(std::move(read)), buffer_(blocks) {}

  Result<size_t> more() override {
    auto got = read_(buffer_.room());
    if (got) buffer_.filled(*got);
    return got;
  }
  Bytes ready() const override { return buffer_.ready(); }
  void took(size_t count) override { buffer_.took(count); }
  const BlockRef& block() const override { return buffer_.block(); }
  bool are_there(Bytes /*bytes*/) const override { return true; }

 private:
  ReadBytes read_;
  BlockBuffer buffer_;
};

// Its blocks are stretches of the mapping.
class InMapping : public RecordBytes {
 public:
  InMapping(std::shared_ptr<const GuardedMapping> mapping, FileSection section)
      : mapping_(std::move(mapping)) {
    const size_t size = mapping_->bytes().size();
    begin_ = end_ = let_go_ = static_cast<size_t>(std::min<uint64_t>(section.offset, size));
    limit_ = begin_ + static_cast<size_t>(std::min<uint64_t>(section.size, size - begin_));
  }

  Result<size_t> more() override {
    const size_t ready_until = end_;
    end_ = begin_ + std::min(Block::kSize, limit_ - begin_);
    block_ = BlockRef(mapping_, mapping_->bytes().data() + begin_);
    let_go();
    return end_ - ready_until;
  }
  Bytes ready() const override { return mapping_->bytes().subspan(begin_, end_ - begin_); }
  void took(size_t count) override { begin_ += count; }
  const BlockRef& block() const override { return block_; }
  bool are_there(Bytes bytes) const override {
    fetch_behind(bytes);
    // What a file lost is lost up to its end.
    if (!bytes.empty()) static_cast<void>(*static_cast<const volatile uint8_t*>(&bytes.back()));
    return !mapping_->lost_bytes();
  }

 private:
  // What comes a page after these bytes: the processor's own look ahead ends with the page.
  void fetch_behind(Bytes bytes) const {
    constexpr size_t kLine = 64;
    constexpr size_t kAhead = 4096;
    constexpr size_t kMost = 4096;
    const uint8_t* const end = mapping_->bytes().data() + limit_;
    const auto left = static_cast<size_t>(end - bytes.data());
    const size_t until = std::min(left, kAhead + std::min(bytes.size(), kMost));
    for (size_t at = kAhead; at < until; at += kLine)
      __builtin_prefetch(bytes.data() + at);
  }

  // Not needed any more: what was decoded so long ago was walked, too, however far the reader of
  // the records may be ahead (perf_data.cpp: 18 batches of 3 blocks).
  void let_go() {
    constexpr size_t kKept = size_t{18} * 3 * Block::kSize;
    constexpr size_t kStep = size_t{4} << 20;
    if (begin_ - let_go_ < kKept + kStep) return;
    const size_t until = (begin_ - kKept) / kStep * kStep;
    const size_t from = let_go_ / kStep * kStep;
    mapping_->let_go(from, until - from);
    let_go_ = until;
  }

  std::shared_ptr<const GuardedMapping> mapping_;
  BlockRef block_;
  size_t begin_ = 0;  // of what is ready
  size_t end_ = 0;
  size_t limit_ = 0;
  size_t let_go_ = 0;  // so far
};

}  // namespace

std::unique_ptr<RecordBytes> bytes_read_by(ReadBytes read, BlockPool& blocks) {
  return std::make_unique<ReadIntoBlocks>(std::move(read), blocks);
}

std::unique_ptr<RecordBytes> bytes_in(std::shared_ptr<const GuardedMapping> mapping,
                                      FileSection section) {
  return std::make_unique<InMapping>(std::move(mapping), section);
}

}  // namespace pgflame::input
