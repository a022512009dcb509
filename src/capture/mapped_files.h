// The modules of files that processes have mapped: which file each is, told by the mapping itself
// and not by what is at its path by now.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "src/profile/address_space.h"
#include "src/profile/builder.h"
#include "src/profile/module_files.h"

namespace pgflame::capture {

class MappedFiles {
 public:
  explicit MappedFiles(ProfileBuilder& builder);

  // The module of a file that the process has mapped just now. Its build-id is that of the mapped
  // file. Two files without one that are mapped from one path are two modules.
  ModuleId module_of(int32_t pid, const MapsLine& line);

  // Marks those that cannot be found at their path any more and have no build-id to tell: their
  // path ends in " (deleted)" from here on. No modules may be added to the builder afterwards.
  void mark_replaced();

  ModuleFiles take() && { return std::move(files_); }

 private:
  struct Row {
    ModuleId module;
    uint64_t inode = 0;
    int32_t pid = 0;  // in which it was first seen
    bool deleted = false;
    bool has_build_id = false;
    std::string path;
  };
  FileHandle open_mapped(int32_t pid, const MapsLine& line, const std::string& path) const;
  Row add(int32_t pid, const MapsLine& line);
  std::string free_path(const std::string& path) const;
  bool is_replaced(const Row& row) const;

  ProfileBuilder& builder_;
  ModuleFiles files_;
  std::unordered_map<std::string, Row> rows_;           // by device, inode and path
  std::unordered_map<std::string, size_t> without_id_;  // by path: files without build-id
  size_t open_ = 0;
  size_t most_open_;
};

}  // namespace pgflame::capture
