// Files: reading whole or mapped, and writing so that a reader never sees half a file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "src/base/error.h"

namespace pgflame {

// Owns a file descriptor.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int fd) : fd_(fd) {}
  FileHandle(FileHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileHandle& operator=(FileHandle&& other) noexcept;
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  ~FileHandle() { close(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
};

// Which file stands at a path and in which state: another one, or the same one written to, has
// another stamp. Empty when there is none.
std::string stamp_of_file(const std::string& path);

// A read-only private mapping of a regular file, opened as by open_regular_file. A file that
// shrinks while it is mapped raises SIGBUS; captures that may be growing or shrinking are mapped
// guarded (guarded_mapping.h) or read instead.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() { unmap(); }

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  // Of the file as it was mapped.
  const std::string& stamp() const { return stamp_; }

 private:
  void unmap();
  std::string stamp_;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

Result<FileHandle> open_for_reading(const std::string& path);
// The same for a path that somebody else may have chosen: nothing but a regular file (behind
// symbolic links, too), and never waited for (a FIFO, a device).
Result<FileHandle> open_regular_file(const std::string& path);

// The whole file, at most `limit` bytes (more is an error). Works for /proc and pipes too.
Result<std::string> read_file(const std::string& path, size_t limit = size_t{1} << 30);
// The same for a file that somebody else may have put there: nothing but a regular file, not behind
// a symbolic link, and never waited for (a FIFO).
Result<std::string> read_strange_file(const std::string& path, size_t limit);
Result<std::string> read_all(const FileHandle& file, size_t limit);

enum class Overwrite { kRefuse, kAllow };
// Not to wait for the disk is for what can be made again and is checked when read.
enum class Flush { kNo, kYes };
// Who else than its owner may read a new file.
enum class Readers { kNobody, kGroup };

// An error when there is something at `path` that is no file and must not be replaced by one: a
// folder, a device, a FIFO.
Status may_be_replaced(const std::string& path);

// Writes `contents` under a temporary name in the same folder, flushes it to disk and moves it into
// place: the file is complete or absent, and a symbolic link at `path` is replaced, not followed.
// Without the flush that holds unless the machine crashes.
Status write_file_atomically(const std::string& path,
                             std::string_view contents,
                             Overwrite overwrite,
                             Flush flush = Flush::kYes,
                             Readers readers = Readers::kGroup);

}  // namespace pgflame
