#include "src/input/record_stream.h"

#include <algorithm>
#include <utility>

#include <zstd.h>

namespace pgflame::input {
namespace {

constexpr size_t kHeaderSize = 8;
constexpr uint32_t kFirstUserType = 64;
constexpr uint32_t kLastKnownType = 255;
constexpr uint32_t kSimpleperfTypes = 32768;
// Records written by perf compress some 5 to 100 times; a bomb expands more.
constexpr uint64_t kMaxExpansion = 2000;
constexpr uint64_t kFreeExpansion = 64U << 20;

// Text or garbage behind the last record looks like a record of a type nobody has.
bool plausible(uint32_t type) {
  return type <= kLastKnownType || (type >= kSimpleperfTypes && type < kSimpleperfTypes + 256);
}

}  // namespace

struct RecordStream::Decompressor {
  Decompressor() : context(ZSTD_createDCtx(), &ZSTD_freeDCtx) {
    ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, 27);
  }
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context;
};

RecordStream::RecordStream(bool swapped, BlockPool& blocks, Handler handler)
    : swapped_(swapped), handler_(std::move(handler)), inner_(blocks) {}
RecordStream::RecordStream(RecordStream&&) noexcept = default;
RecordStream::~RecordStream() = default;

size_t RecordStream::feed(Bytes bytes, const BlockRef& block, Level level) {
  size_t taken = 0;
  while (!stopped_) {
    const size_t took = feed_one(bytes.subspan(taken), block, level);
    if (took == 0) break;
    taken += took;
  }
  return taken;
}

// Returns the bytes taken; 0 when more are needed.
size_t RecordStream::feed_one(Bytes bytes, const BlockRef& block, Level level) {
  if (level == Level::kOuter && skip_ > 0) {
    const auto skipped = static_cast<size_t>(std::min<uint64_t>(skip_, bytes.size()));
    skip_ -= skipped;
    return skipped;
  }
  Cursor cursor(bytes, swapped_);
  const auto type = cursor.u32();
  const auto misc = cursor.u16();
  const auto declared = cursor.u16();
  if (!declared) return 0;
  size_t size = *declared;
  if (level == Level::kOuter && *type == kRecordCompressed2) size = compressed2_size(bytes, size);
  if (size < kHeaderSize || !plausible(*type)) {
    stopped_ = true;
    return 0;
  }
  if (bytes.size() < size) return 0;
  const PerfRecord record{*type, *misc, bytes.subspan(kHeaderSize, size - kHeaderSize), &block};
  if (level == Level::kInner && record.type >= kFirstUserType) {
    ++bad_records_;  // only the kernel's records are compressed
    return size;
  }
  if (record.type == kRecordCompressed) {
    decompress(record.body);
  } else if (record.type == kRecordCompressed2) {
    Cursor body(record.body, swapped_);
    const auto data = body.u64();
    if (data) decompress(body.rest().first(std::min<uint64_t>(*data, body.remaining())));
  } else {
    skip_ = payload_behind(record);
    handler_(record);
  }
  return size;
}

// perf 6.16 and later pad the record and let its 16-bit size overflow; the size of the compressed
// data inside is right.
size_t RecordStream::compressed2_size(Bytes bytes, size_t size) const {
  constexpr size_t kFixed = kHeaderSize + 8;
  constexpr uint64_t kLargest = 65519;
  if (bytes.size() < kFixed) return kFixed;
  const uint64_t data = word_at(bytes, 1, swapped_);
  return data <= kLargest && kFixed + data > size ? kFixed + static_cast<size_t>(data) : size;
}

// Some records are followed by bytes that their size does not count.
uint64_t RecordStream::payload_behind(const PerfRecord& record) const {
  Cursor body(record.body, swapped_);
  if (record.type == kRecordAuxtrace) return body.u64().value_or(0);
  if (record.type == kRecordTracingData) return (uint64_t{body.u32().value_or(0)} + 7) / 8 * 8;
  return 0;
}

void RecordStream::decompress(Bytes compressed) {
  if (!zstd_) zstd_ = std::make_unique<Decompressor>();
  compressed_bytes_ += compressed.size();
  // What lies in a mapped file may change while zstd looks at it.
  compressed_.assign(compressed.begin(), compressed.end());
  ZSTD_inBuffer in{compressed_.data(), compressed_.size(), 0};
  bool more = true;
  while (more && !stopped_) {
    const std::span<uint8_t> room = inner_.room();
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    const size_t status = ZSTD_decompressStream(zstd_->context.get(), &out, &in);
    decompressed_bytes_ += out.pos;
    if (ZSTD_isError(status) != 0 ||
        decompressed_bytes_ > kFreeExpansion + kMaxExpansion * compressed_bytes_) {
      ++bad_records_;
      stopped_ = true;
      return;
    }
    inner_.filled(out.pos);
    inner_.took(feed(inner_.ready(), inner_.block(), Level::kInner));
    more = in.pos < in.size || out.pos == out.size;
  }
}

}  // namespace pgflame::input
