// The files behind a recording's modules. Of our own recordings they are held open since they were
// seen mapped: what an upgrade has replaced meanwhile, or a container hides, can still be read. Of
// a perf.data capture there is what its records say: device and inode number (MMAP2).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "src/base/file.h"
#include "src/profile/profile.h"

namespace pgflame {

struct ModuleFile {
  uint64_t inode = 0;   // of what was mapped, 0 unknown
  FileHandle file;      // not valid when it could not be opened or too many files are
  uint64_t device = 0;  // as by makedev(3), 0 unknown
};

class ModuleFiles {
 public:
  // The first file of a module stays.
  void add(ModuleId module, ModuleFile file) {
    ModuleFile& row = row_of(module);
    if (row.inode == 0) row = std::move(file);
  }
  // What a capture says of a module without build-id. When it was two files it is none that could
  // be found.
  void add_number(ModuleId module, uint64_t device, uint64_t inode);
  // Null when nothing is known about the module's file.
  const ModuleFile* of(ModuleId module) const {
    const bool known = module.value < rows_.size() && rows_[module.value].inode != 0;
    return known ? &rows_[module.value] : nullptr;
  }

  // Until when the modules are known to have run, Unix nanoseconds; 0 unknown.
  void set_end(int64_t unix_ns) { end_unix_ns_ = unix_ns; }

  // Whether what is at a path now is the file that this host had mapped: the same numbers, and not
  // changed since. Its ctime tells, which nobody can set back (inode(7)).
  bool is_unchanged(ModuleId module, const std::string& path) const;

 private:
  ModuleFile& row_of(ModuleId module) {
    if (rows_.size() <= module.value) rows_.resize(module.value + 1);
    return rows_[module.value];
  }

  std::vector<ModuleFile> rows_;  // by ModuleId
  int64_t end_unix_ns_ = 0;
};

}  // namespace pgflame
