#include "src/input/decompressor.h"

#include <algorithm>

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

namespace pgflame::input {
namespace {

Error broken(const char* format) {
  return {ErrorKind::kCorrupt, std::string("the ") + format + " compressed data is broken", {}};
}

}  // namespace

struct Decompressor::State {
  explicit State(Compression kind) : compression(kind), zstd(nullptr, &ZSTD_freeDCtx) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    constexpr uint64_t kXzMemory = uint64_t{256} << 20;
    if (kind == Compression::kGzip) usable = inflateInit2(&gzip, kGzipOnly) == Z_OK;
    if (kind == Compression::kXz) {
      usable = lzma_stream_decoder(&xz, kXzMemory, LZMA_CONCATENATED) == LZMA_OK;
    }
    if (kind == Compression::kZstd) {
      zstd.reset(ZSTD_createDCtx());
      usable = zstd != nullptr;
      if (usable) ZSTD_DCtx_setParameter(zstd.get(), ZSTD_d_windowLogMax, 27);
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (compression == Compression::kGzip) inflateEnd(&gzip);
    if (compression == Compression::kXz) lzma_end(&xz);
  }

  Result<Step> run_gzip(Bytes in, std::span<uint8_t> out);
  Result<Step> run_xz(Bytes in, std::span<uint8_t> out);
  Result<Step> run_zstd(Bytes in, std::span<uint8_t> out);

  Compression compression;
  bool usable = false;
  bool ended = false;
  z_stream gzip{};
  lzma_stream xz = LZMA_STREAM_INIT;
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd;
};

Result<Decompressor::Step> Decompressor::State::run_gzip(Bytes in, std::span<uint8_t> out) {
  if (ended) {
    // Another member follows, or what tar and tapes pad with.
    if (in[0] == 0) return Step{in.size(), 0};
    inflateReset(&gzip);
    ended = false;
  }
  constexpr size_t kLargest = size_t{1} << 30;
  const auto given = static_cast<uInt>(std::min(in.size(), kLargest));
  const auto room = static_cast<uInt>(std::min(out.size(), kLargest));
  // zlib's interface predates const; it does not write to its input.
  gzip.next_in = const_cast<Bytef*>(in.data());
  gzip.avail_in = given;
  gzip.next_out = out.data();
  gzip.avail_out = room;
  const int status = inflate(&gzip, Z_NO_FLUSH);
  if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
    return fail(broken("gzip"));
  }
  ended = status == Z_STREAM_END;
  return Step{given - gzip.avail_in, room - gzip.avail_out};
}

Result<Decompressor::Step> Decompressor::State::run_xz(Bytes in, std::span<uint8_t> out) {
  xz.next_in = in.data();
  xz.avail_in = in.size();
  xz.next_out = out.data();
  xz.avail_out = out.size();
  const lzma_ret status = lzma_code(&xz, in.empty() ? LZMA_FINISH : LZMA_RUN);
  if (status != LZMA_OK && status != LZMA_STREAM_END && status != LZMA_BUF_ERROR) {
    return fail(broken("xz"));
  }
  ended = status == LZMA_STREAM_END;
  return Step{in.size() - xz.avail_in, out.size() - xz.avail_out};
}

Result<Decompressor::Step> Decompressor::State::run_zstd(Bytes in, std::span<uint8_t> out) {
  ZSTD_inBuffer from{in.data(), in.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  const size_t status = ZSTD_decompressStream(zstd.get(), &to, &from);
  if (ZSTD_isError(status) != 0) return fail(broken("zstd"));
  // Asked after the end, the decoder says how much the next frame would need.
  if (from.pos > 0 || to.pos > 0) ended = status == 0;
  return Step{from.pos, to.pos};
}

Compression compression_of(Bytes start) {
  const std::string_view text = as_text(start);
  if (text.starts_with("\x1f\x8b")) return Compression::kGzip;
  if (text.starts_with(std::string_view("\xfd\x37zXZ\0", 6))) return Compression::kXz;
  if (text.starts_with("\x28\xb5\x2f\xfd")) return Compression::kZstd;
  return Compression::kNone;
}

Decompressor::Decompressor(Compression compression)
    : state_(std::make_unique<State>(compression)) {}
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;
Decompressor::~Decompressor() = default;

Result<Decompressor::Step> Decompressor::run(Bytes in, std::span<uint8_t> out) {
  if (!state_->usable) return fail(ErrorKind::kSystem, "cannot start decompression");
  switch (state_->compression) {
    case Compression::kGzip:
      return in.empty() ? Result<Step>(Step{}) : state_->run_gzip(in, out);
    case Compression::kXz:
      return state_->run_xz(in, out);
    case Compression::kZstd:
      return state_->run_zstd(in, out);
    case Compression::kNone:
      break;
  }
  const size_t count = std::min(in.size(), out.size());
  std::copy_n(in.begin(), count, out.begin());
  return Step{count, count};
}

bool Decompressor::at_end_of_stream() const {
  return state_->ended;
}

}  // namespace pgflame::input
