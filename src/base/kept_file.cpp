#include "src/base/kept_file.h"

#include <filesystem>

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/base/hash_index.h"

namespace pgflame {
namespace {

constexpr size_t kMaxBytes = size_t{64} << 20;

// Stands behind the contents.
std::string seal_of(std::string_view mark, std::string_view contents) {
  const uint64_t hash = hash_bytes(contents);
  std::string seal(mark);
  seal.append(reinterpret_cast<const char*>(&hash), sizeof hash);
  return seal;
}

bool is_own(const FileHandle& file) {
  struct stat status = {};
  return ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) &&
         status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace

std::optional<std::string> read_kept_file(const std::string& path, std::string_view mark) {
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.valid() || !is_own(file)) return std::nullopt;
  auto bytes = read_all(file, kMaxBytes);
  const size_t sealed = mark.size() + sizeof(uint64_t);
  if (!bytes || bytes->size() < sealed) return std::nullopt;
  const std::string_view contents = std::string_view(*bytes).substr(0, bytes->size() - sealed);
  if (!bytes->ends_with(seal_of(mark, contents))) return std::nullopt;
  bytes->resize(contents.size());
  return std::move(*bytes);
}

void write_kept_file(const std::string& path, std::string_view mark, std::string_view contents) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  const std::string bytes = std::string(contents) + seal_of(mark, contents);
  static_cast<void>(
      write_file_atomically(path, bytes, Overwrite::kAllow, Flush::kNo, Readers::kNobody));
}

}  // namespace pgflame
