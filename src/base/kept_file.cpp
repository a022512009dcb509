#include "src/base/kept_file.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <utility>

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

// How many bytes a file has that nobody else could have written; none for any other.
uint64_t own_bytes(const FileHandle& file) {
  struct stat status = {};
  const bool own = ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) &&
                   status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  return own ? static_cast<uint64_t>(status.st_size) : 0;
}

}  // namespace

bool KeptMapping::whole() const {
  return own_bytes(handle) == file->bytes().size();
}

std::optional<KeptMapping> map_kept_file(const std::string& path, std::string_view mark) {
  FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  const uint64_t size = file.valid() ? own_bytes(file) : 0;
  const size_t sealed = mark.size() + sizeof(uint64_t);
  if (size < sealed || size > kMaxBytes) return std::nullopt;
  auto mapping = GuardedMapping::of(file, size);
  KeptMapping kept{std::move(file), std::move(mapping), {}};
  if (kept.file == nullptr) return std::nullopt;
  const std::span<const uint8_t> bytes = kept.file->bytes();
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  kept.contents = all.substr(0, all.size() - sealed);
  if (!all.ends_with(seal_of(mark, kept.contents))) return std::nullopt;
  return kept;
}

std::optional<std::string> read_kept_file(const std::string& path, std::string_view mark) {
  const auto kept = map_kept_file(path, mark);
  if (!kept) return std::nullopt;
  std::string contents(kept->contents);
  if (!kept->whole()) return std::nullopt;
  return contents;
}

void write_kept_file(const std::string& path, std::string_view mark, std::string_view contents) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  const std::string bytes = std::string(contents) + seal_of(mark, contents);
  static_cast<void>(
      write_file_atomically(path, bytes, Overwrite::kAllow, Flush::kNo, Readers::kNobody));
}

}  // namespace pgflame
