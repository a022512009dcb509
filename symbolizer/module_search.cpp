#include "symbolizer/module_search.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "src/base/build_id.h"
#include "symbolizer/mapped_code.h"

namespace pgflame::symbolizer {
namespace {

constexpr std::string_view kDeleted = " (deleted)";

std::string_view without_deleted(std::string_view path) {
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return path;
}

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::string build_of(const std::string& path) {
  const std::string id = build_id_of_file(path);
  return path + (id.empty() ? " has no build-id" : " has build-id " + id);
}

// Opens one candidate; says what is wrong with it.
Unnamed open_candidate(const std::string& path, const Module& module, ModuleSymbols& symbols) {
  auto file = MappedFile::open(path);
  if (!file) return Unnamed::kModuleGone;
  auto image = ElfImage::parse(file->bytes());
  if (!image || !image->is_whole()) return Unnamed::kModuleCorrupt;
  const bool other_build = !module.build_id.empty() && module.build_id != image->build_id();
  if (other_build) return Unnamed::kBuildIdMismatch;
  symbols.path = path;
  symbols.file = std::move(*file);
  symbols.image = std::move(*image);
  return Unnamed::kNamed;
}

// Looks for the file of one module.
class Search {
 public:
  Search(const Module& module,
         const SampledModule& sampled,
         const Options& options,
         ModuleSymbols& symbols)
      : module_(module), sampled_(sampled), options_(options), symbols_(symbols) {}

  void run() {
    symbols_.reason = Unnamed::kModuleGone;
    for (const std::string& path : options_.binaries) {
      symbols_.place = path;
      if (may_be_given(path) && take(path, true)) return;
    }
    const std::string own = options_.symfs + std::string(without_deleted(module_.path));
    symbols_.place = own;
    if (take_mapped() || !module_.path.starts_with('/')) return;
    if (take(own, !options_.symfs.empty())) return;
    const bool other_given = symbols_.reason == Unnamed::kModuleGone && !symbols_.rejected.empty();
    if (other_given) symbols_.reason = Unnamed::kBuildIdMismatch;
  }

 private:
  bool may_be_given(const std::string& path) const {
    return file_name(path) == file_name(without_deleted(module_.path)) ||
           (!module_.build_id.empty() && build_id_of_file(path) == module_.build_id);
  }

  bool take_mapped() {
    const ModuleFile* mapped =
        options_.files == nullptr ? nullptr : options_.files->of(sampled_.id);
    if (mapped == nullptr || !mapped->file.valid()) return false;
    const std::string path = fmt::format("/proc/self/fd/{}", mapped->file.get());
    symbols_.reason = open_candidate(path, module_, symbols_);
    return symbols_.reason == Unnamed::kNamed;
  }

  // `named`: by the user.
  bool take(const std::string& path, bool named) {
    symbols_.reason = open_candidate(path, module_, symbols_);
    if (symbols_.reason == Unnamed::kBuildIdMismatch) symbols_.rejected.push_back(build_of(path));
    if (symbols_.reason != Unnamed::kNamed) return false;
    const std::string doubt = module_.build_id.empty() ? doubt_about(path, named) : "";
    if (doubt.empty()) return true;
    symbols_.image.reset();
    symbols_.file = {};
    symbols_.rejected.push_back(path + doubt);
    symbols_.reason = Unnamed::kBuildIdMismatch;
    return false;
  }

  // Why the file is not used for a module without build-id; empty when it is.
  std::string doubt_about(const std::string& path, bool named) {
    const bool known = options_.files != nullptr && options_.files->of(sampled_.id) != nullptr;
    const bool deleted = module_.path.ends_with(kDeleted);
    symbols_.confirmed = known && !deleted && sampled_.of_this_boot &&
                         options_.files->is_unchanged(sampled_.id, path);
    if (symbols_.confirmed) return {};
    if (named) return has_code_of(*symbols_.image, sampled_) ? "" : " has other code";
    return deleted || (known && sampled_.of_this_boot)
               ? " is another file, or was changed since it was mapped"
               : " is not known to be the file that was mapped";
  }

  const Module& module_;
  const SampledModule& sampled_;
  const Options& options_;
  ModuleSymbols& symbols_;
};

// The row of the mapping's module; null when it is not of a file.
SampledModule* add_mapping(const Profile& profile,
                           const Mapping& mapping,
                           std::map<ModuleId, SampledModule>& rows) {
  const ModuleId module = mapping.module;
  if (!module.valid() || profile.modules[module].kind != ModuleKind::kFile) return nullptr;
  SampledModule& row = rows[module];
  row.id = module;
  row.bytes = std::max(row.bytes, mapping.end - mapping.start);
  if (profile.modules[module].build_id.empty()) row.mappings.push_back(mapping);
  return &row;
}

// Only modules that are told by it have mappings.
void add_what_ran(const Profile& profile, std::map<ModuleId, SampledModule>& rows) {
  const auto has_mappings = [](const auto& row) { return !row.second.mappings.empty(); };
  if (std::ranges::none_of(rows, has_mappings)) return;
  StackId last;  // samples of one stack mostly stand together
  for (const Sample& sample : profile.samples) {
    if (sample.stack == last) continue;
    last = sample.stack;
    const LocationId leaf = profile.stacks[sample.stack].location;
    if (!leaf.valid() || !profile.locations[leaf].mapping.valid()) continue;
    const Mapping& mapping = profile.mappings[profile.locations[leaf].mapping];
    const auto row = rows.find(mapping.module);
    if (row == rows.end() || row->second.mappings.empty()) continue;
    row->second.ran.push_back(profile.locations[leaf].address - mapping.start +
                              mapping.file_offset);
  }
}

}  // namespace

std::vector<SampledModule> sampled_files(const Profile& profile,
                                         const std::vector<LocationId>& locations,
                                         bool of_this_boot) {
  std::map<ModuleId, SampledModule> rows;
  std::vector<bool> seen(profile.mappings.size());
  std::vector<SampledModule*> row_of(profile.mappings.size());  // null where there is no file
  for (const LocationId id : locations) {
    const MappingId mapping = profile.locations[id].mapping;
    if (!mapping.valid()) continue;
    if (!seen[mapping.value]) {
      seen[mapping.value] = true;
      row_of[mapping.value] = add_mapping(profile, profile.mappings[mapping], rows);
    }
    if (row_of[mapping.value] != nullptr) row_of[mapping.value]->locations.push_back(id);
  }
  add_what_ran(profile, rows);
  std::vector<SampledModule> files;
  files.reserve(rows.size());
  for (auto& [id, row] : rows) {
    row.of_this_boot = of_this_boot;
    files.push_back(std::move(row));
  }
  std::ranges::stable_sort(files, std::ranges::greater{}, &SampledModule::bytes);
  return files;
}

bool has_code_of(const ElfImage& image, const SampledModule& sampled) {
  return std::ranges::all_of(sampled.mappings,
                             [&](const Mapping& mapping) { return may_map(image, mapping); }) &&
         std::ranges::all_of(sampled.ran,
                             [&](uint64_t file_offset) { return is_code(image, file_offset); });
}

void find_module_file(const Module& module,
                      const SampledModule& sampled,
                      const Options& options,
                      ModuleSymbols& symbols) {
  Search(module, sampled, options, symbols).run();
}

}  // namespace pgflame::symbolizer
