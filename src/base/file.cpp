#include "src/base/file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "src/base/pieces.h"

namespace pgflame {
namespace {

Error file_error(std::string_view action, const std::string& path) {
  const int cause = errno;
  Error error = system_error(std::string(action) + " " + path, cause);
  if (cause == ENOSPC) error.hint = "free some space or choose another folder with -o";
  if (cause == EACCES) error.hint = "check the permissions of the file and its folder";
  if (cause == ENOENT) error.hint = "check the path";
  return error;
}

std::string stamp_of(const struct stat& status) {
  const auto nanoseconds = [](const timespec& time) {
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
  };
  return fmt::format("{}:{}:{}:{}:{}",
                     status.st_dev,
                     status.st_ino,
                     status.st_size,
                     nanoseconds(status.st_mtim),
                     nanoseconds(status.st_ctim));
}

Status write_all(int fd, std::string_view contents, const std::string& path) {
  while (!contents.empty()) {
    const ssize_t written = ::write(fd, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(file_error("cannot write", path));
    contents.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Status flush_to_disk(int fd, const std::string& path) {
  if (::fsync(fd) != 0 && errno != EINVAL) return fail(file_error("cannot write", path));
  return {};
}

Status move_into_place(const std::string& from, const std::string& to, Overwrite overwrite) {
  // link() refuses an existing name atomically; rename() replaces it.
  const int done = overwrite == Overwrite::kAllow ? ::rename(from.c_str(), to.c_str())
                                                  : ::link(from.c_str(), to.c_str());
  if (done == 0) return {};
  if (errno == EEXIST) {
    return fail(ErrorKind::kUsage, to + " already exists", "use --force to overwrite it, or -o");
  }
  return fail(file_error("cannot write", to));
}

// Without waiting for whoever writes into a FIFO.
Result<FileHandle> open_if_regular(const std::string& path, int more_flags) {
  FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | more_flags));
  struct stat status = {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) {
    return fail(file_error("cannot open", path));
  }
  if (!S_ISREG(status.st_mode)) return fail(ErrorKind::kUsage, path + " is not a regular file");
  return file;
}

}  // namespace

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void FileHandle::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::string stamp_of_file(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 ? stamp_of(status) : std::string();
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : stamp_(std::move(other.stamp_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap();
    stamp_ = std::move(other.stamp_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void MappedFile::unmap() {
  // munmap takes a non-const pointer but does not write through it.
  if (data_ != nullptr) ::munmap(const_cast<uint8_t*>(data_), size_);
  data_ = nullptr;
  size_ = 0;
}

Result<FileHandle> open_for_reading(const std::string& path) {
  FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return fail(file_error("cannot open", path));
  return file;
}

Result<FileHandle> open_regular_file(const std::string& path) {
  return open_if_regular(path, 0);
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  auto file = open_regular_file(path);
  if (!file) return fail(std::move(file).error());
  struct stat status = {};
  if (::fstat(file->get(), &status) != 0) return fail(file_error("cannot open", path));
  MappedFile mapped;
  mapped.stamp_ = stamp_of(status);
  if (status.st_size == 0) return mapped;
  void* address =
      ::mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, file->get(), 0);
  if (address == MAP_FAILED) return fail(file_error("cannot map", path));
  mapped.data_ = static_cast<const uint8_t*>(address);
  mapped.size_ = static_cast<size_t>(status.st_size);
  return mapped;
}

Result<std::string> read_all(const FileHandle& file, size_t limit) {
  constexpr size_t kPiece = 65536;
  std::string contents;
  struct stat status = {};
  const bool has_size = ::fstat(file.get(), &status) == 0 && status.st_size > 0;
  // One byte more tells that the end was reached.
  size_t room = has_size ? std::min(limit, static_cast<size_t>(status.st_size)) + 1 : kPiece;
  for (;;) {
    const size_t size = contents.size();
    // What the kernel makes up has no size beforehand. Room that is not needed is never touched.
    constexpr size_t kRoom = size_t{16} << 20;
    const bool is_full = contents.capacity() - size < room;
    if (is_full && size > kPiece) contents.reserve(std::max(size + room, std::min(limit, kRoom)));
    contents.resize(size + room);
    const ssize_t got = ::read(file.get(), contents.data() + size, room);
    const int cause = errno;
    contents.resize(size + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && cause == EINTR) continue;
    if (got < 0) return fail(system_error("cannot read", cause));
    if (got == 0) return contents;
    if (contents.size() > limit) {
      return fail(ErrorKind::kCorrupt, "more than " + std::to_string(limit) + " bytes");
    }
    // The end, unless it grew: looked for in the room that is left.
    if (has_size) room = std::clamp<size_t>(contents.capacity() - contents.size(), 1, kPiece);
  }
}

Result<std::string> read_file(const std::string& path, size_t limit) {
  auto file = open_for_reading(path);
  if (!file) return fail(std::move(file).error());
  auto contents = read_all(*file, limit);
  if (!contents) return fail(std::move(contents).error().within(path));
  return contents;
}

Result<std::string> read_strange_file(const std::string& path, size_t limit) {
  const auto file = open_if_regular(path, O_NOFOLLOW);
  if (!file) return fail(file.error());
  auto contents = read_all(*file, limit);
  if (!contents) return fail(std::move(contents).error().within(path));
  return contents;
}

Status may_be_replaced(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return {};
  return fail(
      ErrorKind::kUsage, path + " is not a regular file", "give a file's name, or - for stdout");
}

Status write_pieces_atomically(const std::string& path,
                               const std::function<Status(const PieceSink&)>& make,
                               Overwrite overwrite,
                               Flush flush,
                               Readers readers) {
  if (Status done = may_be_replaced(path); !done) return done;
  std::string temporary = path + ".XXXXXX";
  FileHandle file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.valid()) return fail(file_error("cannot write", path));
  ::fchmod(file.get(), readers == Readers::kGroup ? 0640 : 0600);
  Status done = make([&](std::string_view piece) { return write_all(file.get(), piece, path); });
  if (done && flush == Flush::kYes) done = flush_to_disk(file.get(), path);
  if (done) done = move_into_place(temporary, path, overwrite);
  ::unlink(temporary.c_str());  // after rename() the name is gone already
  return done;
}

Status write_file_atomically(const std::string& path,
                             std::string_view contents,
                             Overwrite overwrite,
                             Flush flush,
                             Readers readers) {
  const auto all = [contents](const PieceSink& put) { return put(contents); };
  return write_pieces_atomically(path, all, overwrite, flush, readers);
}

}  // namespace pgflame
