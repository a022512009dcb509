#include "src/capture/mapped_files.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <sys/resource.h>
#include <sys/stat.h>

#include <fmt/format.h>

#include "src/base/build_id.h"
#include "src/capture/proc.h"

namespace pgflame::capture {
namespace {

constexpr std::string_view kDeleted = " (deleted)";
constexpr size_t kMostOpen = 1024;

// Half of what this process may have: samplers need some as well.
size_t most_open() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return std::min<size_t>(kMostOpen, limit.rlim_cur / 2);
}

std::optional<struct stat> status_of(const FileHandle& file) {
  struct stat status = {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) return std::nullopt;
  return status;
}

}  // namespace

MappedFiles::MappedFiles(ProfileBuilder& builder) : builder_(builder), most_open_(most_open()) {}

// The device is not compared: some file systems (btrfs, overlayfs) tell maps another one. An inode
// number is not used again while the file is mapped.
FileHandle MappedFiles::open_mapped(int32_t pid,
                                    const MapsLine& line,
                                    const std::string& path) const {
  auto mapped =
      open_regular_file(proc_path(pid, fmt::format("map_files/{:x}-{:x}", line.start, line.end)));
  if (mapped) return std::move(*mapped);
  if (line.path.ends_with(kDeleted)) return {};
  auto named = open_regular_file(proc_path(pid, "root" + path));
  if (!named) return {};
  const auto status = status_of(*named);
  return status && status->st_ino == line.inode ? std::move(*named) : FileHandle{};
}

// A second file without build-id at one path must not be taken for the first.
std::string MappedFiles::free_path(const std::string& path) const {
  const auto known = without_id_.find(path);
  return known == without_id_.end() ? path : fmt::format("{} ({})", path, known->second + 1);
}

MappedFiles::Row MappedFiles::add(int32_t pid, const MapsLine& line) {
  Row row{.module = {}, .inode = line.inode, .pid = pid, .path = {}};
  row.deleted = line.path.ends_with(kDeleted);
  row.path = line.path.substr(0, line.path.size() - (row.deleted ? kDeleted.size() : 0));
  FileHandle file = open_mapped(pid, line, row.path);
  Module module{ModuleKind::kFile, row.path, build_id_of_file(file)};
  row.has_build_id = !module.build_id.empty();
  if (!row.has_build_id) {
    module.path = free_path(row.path);
    ++without_id_[row.path];
  }
  row.module = builder_.module(module);
  if (open_ >= most_open_) file.close();
  if (file.valid()) ++open_;
  files_.add(row.module, {line.inode, std::move(file)});
  return row;
}

ModuleId MappedFiles::module_of(int32_t pid, const MapsLine& line) {
  const std::string key = fmt::format("{}:{}:{}", line.device, line.inode, line.path);
  const auto known = rows_.find(key);
  if (known != rows_.end()) return known->second.module;
  // The same file before it was deleted.
  std::string before = key;
  if (line.path.ends_with(kDeleted)) before.resize(before.size() - kDeleted.size());
  const auto earlier = rows_.find(before);
  if (earlier != rows_.end()) return earlier->second.module;
  return rows_.emplace(key, add(pid, line)).first->second.module;
}

bool MappedFiles::is_replaced(const Row& row) const {
  if (row.deleted) return true;
  const ModuleFile* file = files_.of(row.module);
  const auto open = file == nullptr ? std::nullopt : status_of(file->file);
  if (open && open->st_nlink == 0) return true;
  struct stat now = {};
  const bool found = ::stat(proc_path(row.pid, "root" + row.path).c_str(), &now) == 0;
  return found && now.st_ino != row.inode;
}

void MappedFiles::mark_replaced() {
  for (const auto& [key, row] : rows_) {
    if (row.has_build_id) continue;
    std::string& path = builder_.profile().modules[row.module].path;
    path = row.path;
    if (is_replaced(row)) path += kDeleted;
  }
}

}  // namespace pgflame::capture
