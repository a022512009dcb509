#include "src/profile/gzip.h"

#include <algorithm>
#include <array>
#include <memory>

#include <libdeflate.h>
#include <zlib.h>

namespace pgflame {

std::string gzip(std::string_view bytes, int level, size_t most) {
  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(level), &libdeflate_free_compressor);
  const size_t bound = libdeflate_gzip_compress_bound(compressor.get(), bytes.size());
  std::string out(std::min(bound, most), '\0');
  out.resize(libdeflate_gzip_compress(
      compressor.get(), bytes.data(), bytes.size(), out.data(), out.size()));
  return out;
}

Result<Gunzipped> gunzip(std::string_view bytes, size_t limit) {
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  z_stream stream{};
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) {
    return fail(ErrorKind::kSystem, "cannot start decompression");
  }
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> guard(&stream, &inflateEnd);
  Gunzipped result;
  std::array<char, 65536> buffer{};
  size_t consumed = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    if (stream.avail_in == 0) {
      const size_t piece = std::min<size_t>(bytes.size() - consumed, size_t{1} << 20);
      // zlib's interface predates const; it does not write to its input.
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + consumed));
      stream.avail_in = static_cast<uInt>(piece);
      consumed += piece;
    }
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&stream, Z_NO_FLUSH);
    result.bytes.append(buffer.data(), buffer.size() - stream.avail_out);
    if (result.bytes.size() > limit) {
      return fail(ErrorKind::kCorrupt,
                  "the compressed data is larger than " + std::to_string(limit >> 20) + " MiB");
    }
    const bool more = consumed < bytes.size() || stream.avail_in > 0;
    if (status == Z_STREAM_END && more && inflateReset(&stream) == Z_OK) status = Z_OK;
    if (status == Z_BUF_ERROR && !more) break;
  }
  result.truncated = status == Z_BUF_ERROR;
  if (status != Z_STREAM_END && !result.truncated) {
    return fail(ErrorKind::kCorrupt, "the gzip stream is broken");
  }
  return result;
}

}  // namespace pgflame
