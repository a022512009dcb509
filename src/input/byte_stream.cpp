#include "src/input/byte_stream.h"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>

#include <unistd.h>

namespace pgflame::input {
namespace {

constexpr size_t kMagicSize = 6;
constexpr size_t kCompressedPiece = size_t{256} << 10;

}  // namespace

Result<ByteStream> ByteStream::open(const std::string& path) {
  ByteStream stream;
  if (path == "-") {
    stream.file_ = FileHandle(::dup(STDIN_FILENO));
    if (!stream.file_.valid()) return fail(system_error("cannot read standard input", errno));
  } else {
    auto file = open_for_reading(path);
    if (!file) return fail(std::move(file).error());
    stream.file_ = std::move(*file);
  }
  struct stat status = {};
  if (::fstat(stream.file_.get(), &status) != 0) {
    return fail(system_error("cannot open " + path, errno));
  }
  // Standard input may be a file that somebody has read from already.
  const bool from_start = path != "-" || ::lseek(stream.file_.get(), 0, SEEK_CUR) == 0;
  if (S_ISREG(status.st_mode) && from_start) {
    stream.file_size_ = static_cast<uint64_t>(std::max<off_t>(status.st_size, 0));
  }
  const auto start = stream.peek(kMagicSize);
  if (!start) return fail(Error(start.error()).within("cannot read " + path));
  const Compression compression = compression_of(*start);
  if (compression != Compression::kNone) {
    stream.decompressor_.emplace(compression);
    stream.compressed_ = std::move(stream.ahead_);
    stream.compressed_end_ = stream.compressed_.size();
    stream.compressed_.resize(kCompressedPiece);
    stream.ahead_.clear();
  }
  return stream;
}

ByteStream ByteStream::over(std::vector<uint8_t> bytes) {
  ByteStream stream;
  stream.file_size_ = bytes.size();
  stream.ahead_ = std::move(bytes);
  stream.raw_ended_ = true;
  return stream;
}

ByteStream ByteStream::over(FileHandle file, uint64_t size) {
  ByteStream stream;
  stream.file_ = std::move(file);
  stream.file_size_ = size;
  return stream;
}

Result<Bytes> ByteStream::peek(size_t count) {
  while (ahead_.size() - ahead_taken_ < count) {
    const size_t had = ahead_.size();
    ahead_.resize(ahead_taken_ + count);
    const auto got = read_some(std::span(ahead_).subspan(had));
    ahead_.resize(had + got.value_or(0));
    if (!got) return fail(got.error());
    if (*got == 0) break;
  }
  const Bytes ready = Bytes(ahead_).subspan(ahead_taken_);
  return ready.first(std::min(count, ready.size()));
}

Result<size_t> ByteStream::read(std::span<uint8_t> out) {
  const size_t ready = std::min(out.size(), ahead_.size() - ahead_taken_);
  std::copy_n(ahead_.begin() + static_cast<std::ptrdiff_t>(ahead_taken_), ready, out.begin());
  ahead_taken_ += ready;
  size_t filled = ready;
  while (filled < out.size()) {
    const auto got = read_some(out.subspan(filled));
    if (!got) return fail(got.error());
    if (*got == 0) break;
    filled += *got;
  }
  return filled;
}

size_t ByteStream::read_at(uint64_t offset, std::span<uint8_t> out) const {
  if (!file_.valid()) {
    const Bytes all(ahead_);
    const Bytes rest = all.subspan(static_cast<size_t>(std::min<uint64_t>(offset, all.size())));
    const size_t count = std::min(rest.size(), out.size());
    std::copy_n(rest.begin(), count, out.begin());
    return count;
  }
  size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t got = ::pread(
        file_.get(), out.data() + filled, out.size() - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    filled += static_cast<size_t>(got);
  }
  return filled;
}

std::shared_ptr<const GuardedMapping> ByteStream::mapped() const {
  return file_.valid() && is_plain_file() ? GuardedMapping::of(file_, file_size()) : nullptr;
}

bool ByteStream::has_shrunk() const {
  struct stat status = {};
  return file_.valid() && is_plain_file() && ::fstat(file_.get(), &status) == 0 &&
         static_cast<uint64_t>(status.st_size) < file_size();
}

// Returns 0 only at the end of the input.
Result<size_t> ByteStream::read_some(std::span<uint8_t> out) {
  return decompressor_ ? decompress_some(out) : read_raw(out);
}

Result<size_t> ByteStream::read_raw(std::span<uint8_t> out) {
  while (!raw_ended_) {
    const ssize_t got = ::read(file_.get(), out.data(), out.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("cannot read", errno));
    raw_ended_ = got == 0;
    return static_cast<size_t>(got);
  }
  return size_t{0};
}

Result<size_t> ByteStream::decompress_some(std::span<uint8_t> out) {
  for (;;) {
    if (compressed_begin_ == compressed_end_ && !raw_ended_) {
      const auto got = read_raw(compressed_);
      if (!got) return fail(got.error());
      compressed_begin_ = 0;
      compressed_end_ = *got;
    }
    const Bytes in =
        Bytes(compressed_).subspan(compressed_begin_, compressed_end_ - compressed_begin_);
    const auto step = decompressor_->run(in, out);
    if (!step) return fail(step.error());
    compressed_begin_ += step->consumed;
    if (step->produced > 0) return step->produced;
    if (step->consumed == 0 && raw_ended_) {
      truncated_ = !decompressor_->at_end_of_stream();
      return size_t{0};
    }
    if (step->consumed == 0 && !in.empty()) {
      return fail(ErrorKind::kCorrupt, "the compressed data is broken");
    }
  }
}

}  // namespace pgflame::input
