// The files behind a recording's modules, held open since they were seen mapped: what an upgrade
// has replaced meanwhile, or a container hides, can still be read.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "src/base/file.h"
#include "src/profile/profile.h"

namespace pgflame {

struct ModuleFile {
  uint64_t inode = 0;  // of what was mapped, 0 unknown
  FileHandle file;     // not valid when it could not be opened or too many files are
};

class ModuleFiles {
 public:
  // The first file of a module stays.
  void add(ModuleId module, ModuleFile file) {
    if (rows_.size() <= module.value) rows_.resize(module.value + 1);
    if (rows_[module.value].inode == 0) rows_[module.value] = std::move(file);
  }
  // Null when nothing is known about the module's file.
  const ModuleFile* of(ModuleId module) const {
    const bool known = module.value < rows_.size() && rows_[module.value].inode != 0;
    return known ? &rows_[module.value] : nullptr;
  }

 private:
  std::vector<ModuleFile> rows_;  // by ModuleId
};

}  // namespace pgflame
