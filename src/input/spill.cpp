#include "src/input/spill.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include <sys/statvfs.h>

#include <fcntl.h>
#include <unistd.h>

namespace pgflame::input {
namespace {

constexpr size_t kKeptInMemory = size_t{16} << 20;
constexpr size_t kPiece = size_t{1} << 20;

Result<FileHandle> nameless_file(const std::string& folder) {
  std::string path = folder + "/pgflame.XXXXXX";
  FileHandle file(::mkostemp(path.data(), O_CLOEXEC));
  if (!file.valid()) return fail(system_error("cannot make a temporary file in " + folder, errno));
  ::unlink(path.c_str());
  return file;
}

uint64_t half_of_free_space(const FileHandle& file) {
  struct statvfs status = {};
  if (::fstatvfs(file.get(), &status) != 0) return UINT64_MAX;
  return uint64_t{status.f_bavail} * status.f_frsize / 2;
}

Status write_all(const FileHandle& file, Bytes bytes, const std::string& folder) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      return fail(system_error("cannot write a temporary file in " + folder, errno));
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

tl::unexpected<Error> too_large(uint64_t limit) {
  return fail(ErrorKind::kUnsupported,
              "the input is larger than " + std::to_string(limit >> 20) + " MiB, unpacked",
              "pprof and reports are read whole; folded stacks and perf.data may be larger");
}

Result<ByteStream> spill_to_file(ByteStream& stream,
                                 std::vector<uint8_t> bytes,
                                 uint64_t limit,
                                 const std::string& folder) {
  auto file = nameless_file(folder);
  if (!file) return fail(std::move(file).error());
  const uint64_t room = half_of_free_space(*file);
  uint64_t size = 0;
  while (!bytes.empty()) {
    size += bytes.size();
    if (size > limit) return too_large(limit);
    if (size > room) {
      return fail(ErrorKind::kUnsupported,
                  "the input takes more than half of the " + std::to_string(room >> 19) +
                      " MiB that are free in " + folder,
                  "unpack it into a file and name that, or set TMPDIR to a folder with more room");
    }
    const Status written = write_all(*file, bytes, folder);
    if (!written) return fail(written.error());
    bytes.resize(kPiece);
    const auto got = stream.read(bytes);
    if (!got) return fail(got.error());
    bytes.resize(*got);
  }
  return ByteStream::over(std::move(*file), size);
}

}  // namespace

Result<ByteStream> spill(ByteStream& stream, uint64_t limit, const std::string& folder) {
  std::vector<uint8_t> start;
  while (start.size() < kKeptInMemory) {
    const size_t had = start.size();
    start.resize(had + kPiece);
    const auto got = stream.read(std::span(start).subspan(had));
    if (!got) return fail(got.error());
    start.resize(had + *got);
    if (*got == kPiece) continue;
    if (start.size() > limit) return too_large(limit);
    return ByteStream::over(std::move(start));
  }
  return spill_to_file(stream, std::move(start), limit, folder);
}

Result<std::vector<uint8_t>> read_whole(ByteStream& stream,
                                        uint64_t limit,
                                        const std::string& folder) {
  if (!stream.is_plain_file()) {
    auto plain = spill(stream, limit, folder);
    return plain ? read_whole(*plain, limit, folder) : fail(std::move(plain).error());
  }
  if (stream.file_size() > limit) return too_large(limit);
  std::vector<uint8_t> bytes(static_cast<size_t>(stream.file_size()));
  bytes.resize(stream.read_at(0, bytes));
  return bytes;
}

}  // namespace pgflame::input
