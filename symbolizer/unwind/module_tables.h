// Finds the files behind a profile's modules and compiles their tables, each once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/profile/module_files.h"
#include "src/profile/profile.h"
#include "symbolizer/unwind/table.h"

namespace pgflame::unwind {

struct FileOptions {
  std::string symfs;                         // prefix for every module path
  std::vector<std::string> binaries;         // given by the user, matched by build-id
  std::string cache_dir;                     // of compiled tables; empty: none
  std::shared_ptr<const ModuleFiles> files;  // of the modules without build-id; null: none known
};

struct ModuleTable {
  ElfImage image;
  Table table;
};

// The path under which a module's file can be read and has the module's build-id. A module without
// one has the file that the user named, or the very one that was mapped on this host. Nothing when
// there is no such file.
std::optional<std::string> find_file(const Profile& profile,
                                     ModuleId id,
                                     const FileOptions& options);

// This process' own vDSO: the right one for every process of the running kernel.
Result<ElfImage> own_vdso();

// The same when it is this module: it has the same build-id, or the module has none.
std::optional<ElfImage> vdso_of(const Module& module);

class ModuleTables {
 public:
  explicit ModuleTables(FileOptions options) : options_(std::move(options)) {}

  // Null when the module's file is gone, of another build, or not an ELF file.
  const ModuleTable* of(const Profile& profile, ModuleId id);

 private:
  std::unique_ptr<ModuleTable> load(const Profile& profile, ModuleId id) const;

  FileOptions options_;
  std::unordered_map<std::string, std::unique_ptr<ModuleTable>> by_key_;
};

}  // namespace pgflame::unwind
