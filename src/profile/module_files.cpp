#include "src/profile/module_files.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace pgflame {
namespace {

constexpr uint64_t kSeveralFiles = UINT64_MAX;  // no inode's number

// Some file systems (btrfs, overlayfs) tell stat(2) and the kernel's records different devices.
// Those have no major number.
bool is_same_device(uint64_t mapped, uint64_t found) {
  return mapped == found || mapped == 0 || major(mapped) == 0 || major(found) == 0;
}

int64_t changed_unix_ns(const struct stat& status) {
  return status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec;
}

}  // namespace

void ModuleFiles::add_number(ModuleId module, uint64_t device, uint64_t inode) {
  ModuleFile& row = row_of(module);
  const bool other = row.inode != inode || row.device != device;
  if (row.inode != 0 && other) {
    row.inode = kSeveralFiles;
  } else {
    row.inode = inode;
    row.device = device;
  }
}

bool ModuleFiles::is_unchanged(ModuleId module, const std::string& path) const {
  const ModuleFile* mapped = of(module);
  struct stat status = {};
  if (mapped == nullptr || ::stat(path.c_str(), &status) != 0) return false;
  return status.st_ino == mapped->inode && is_same_device(mapped->device, status.st_dev) &&
         (end_unix_ns_ == 0 || changed_unix_ns(status) <= end_unix_ns_);
}

}  // namespace pgflame
