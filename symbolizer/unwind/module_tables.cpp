#include "symbolizer/unwind/module_tables.h"

#include <cstring>
#include <filesystem>

#include "src/base/build_id.h"
#include "src/base/own_vdso.h"
#include "src/profile/this_boot.h"
#include "symbolizer/unwind/table_cache.h"

namespace pgflame::unwind {
namespace {

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// A stream says late, or not at all, where it was made; the numbers of a file have to do then.
bool may_be_of_this_boot(const Recording& recording) {
  return recording.host.empty() || is_of_this_boot(recording, this_host());
}

bool is_right_file(const Profile& profile,
                   ModuleId id,
                   const std::string& path,
                   const FileOptions& options) {
  const std::string& build_id = profile.modules[id].build_id;
  if (!build_id.empty()) return build_id_of_file(path) == build_id;
  if (!options.symfs.empty()) return true;  // the user's word
  return options.files != nullptr && options.files->is_unchanged(id, path) &&
         may_be_of_this_boot(profile.recording);
}

}  // namespace

std::optional<std::string> find_file(const Profile& profile,
                                     ModuleId id,
                                     const FileOptions& options) {
  const Module& module = profile.modules[id];
  for (const std::string& given : options.binaries) {
    const bool same = module.build_id.empty() ? file_name(given) == file_name(module.path)
                                              : build_id_of_file(given) == module.build_id;
    if (same) return given;
  }
  if (module.kind != ModuleKind::kFile || module.path.empty()) return std::nullopt;
  const std::string path = options.symfs + module.path;
  std::error_code ignored;
  const bool found =
      std::filesystem::is_regular_file(path, ignored) && is_right_file(profile, id, path, options);
  return found ? std::optional(path) : std::nullopt;
}

Result<ElfImage> own_vdso() {
  std::vector<uint8_t> bytes = own_vdso_bytes();
  if (bytes.empty()) return fail(ErrorKind::kNotFound, "this kernel has no vDSO");
  return ElfImage::from_memory(std::move(bytes));
}

std::optional<ElfImage> vdso_of(const Module& module) {
  auto image = own_vdso();
  if (!image || (!module.build_id.empty() && image->build_id() != module.build_id)) return {};
  return std::move(*image);
}

const ModuleTable* ModuleTables::of(const Profile& profile, ModuleId id) {
  const Module& module = profile.modules[id];
  const std::string key =
      module.build_id.empty() ? "path:" + module.path : "build-id:" + module.build_id;
  const auto [known, fresh] = by_key_.try_emplace(key);
  if (fresh) known->second = load(profile, id);
  return known->second.get();
}

std::unique_ptr<ModuleTable> ModuleTables::load(const Profile& profile, ModuleId id) const {
  const Module& module = profile.modules[id];
  if (module.kind == ModuleKind::kVdso) {
    auto image = vdso_of(module);
    if (!image) return {};
    Table table = compile_table(*image);
    return std::make_unique<ModuleTable>(ModuleTable{std::move(*image), std::move(table)});
  }
  const auto path = find_file(profile, id, options_);
  if (!path) return {};
  auto image = ElfImage::open(*path);
  if (!image) return {};
  Table table = cached_table(*image, options_.cache_dir);
  return std::make_unique<ModuleTable>(ModuleTable{std::move(*image), std::move(table)});
}

}  // namespace pgflame::unwind
