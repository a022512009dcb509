// Cuts a stream of perf.data bytes into records, decompressing the compressed ones on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "src/input/block_buffer.h"
#include "src/input/bytes.h"

namespace pgflame::input {

struct PerfRecord {
  uint32_t type = 0;  // PERF_RECORD_*
  uint16_t misc = 0;
  Bytes body;                       // without the 8 bytes of header
  const BlockRef* block = nullptr;  // that `body` lies in; it stays while somebody holds a copy
};

// PERF_RECORD_* that matter for the stream itself.
enum StreamRecord : uint32_t {
  kRecordTracingData = 66,
  kRecordAuxtrace = 71,
  kRecordCompressed = 81,
  kRecordCompressed2 = 83,
};

// The compressed records of one stream are pieces of a single zstd stream, and the records inside
// straddle the pieces.
class RecordStream {
 public:
  using Handler = std::function<void(const PerfRecord&)>;

  RecordStream(bool swapped, BlockPool& blocks, Handler handler);
  RecordStream(RecordStream&&) noexcept;
  ~RecordStream();

  // Hands on the whole records in the bytes, which lie in `block`. Returns how many bytes they
  // take.
  size_t feed(Bytes bytes, const BlockRef& block) { return feed(bytes, block, Level::kOuter); }

  // The stream is broken: what follows cannot be cut into records.
  bool stopped() const { return stopped_; }
  // Records are left half decompressed.
  bool has_unfinished_record() const { return !inner_.ready().empty(); }
  uint64_t bad_records() const { return bad_records_; }

 private:
  struct Decompressor;
  enum class Level { kOuter, kInner };

  size_t feed(Bytes bytes, const BlockRef& block, Level level);
  size_t feed_one(Bytes bytes, const BlockRef& block, Level level);
  void decompress(Bytes compressed);
  uint64_t payload_behind(const PerfRecord& record) const;
  size_t compressed2_size(Bytes bytes, size_t size) const;

  bool swapped_;
  Handler handler_;
  std::unique_ptr<Decompressor> zstd_;
  std::vector<uint8_t> compressed_;
  BlockBuffer inner_;  // decompressed, not yet a whole record
  uint64_t skip_ = 0;  // bytes of payload that are still to be skipped
  uint64_t compressed_bytes_ = 0;
  uint64_t decompressed_bytes_ = 0;
  uint64_t bad_records_ = 0;
  bool stopped_ = false;
};

}  // namespace pgflame::input
