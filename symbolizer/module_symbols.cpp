#include "symbolizer/module_symbols.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "src/base/own_vdso.h"
#include "symbolizer/function_bounds.h"
#include "symbolizer/recovery.h"

namespace pgflame::symbolizer {
namespace {

constexpr std::string_view kDeleted = " (deleted)";

std::string_view without_deleted(std::string_view path) {
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return path;
}

// The file as its path says; then as the process sees it, which works in containers; then what is
// mapped even though an upgrade has replaced it.
std::vector<std::string> paths_of(const Module& module,
                                  const Options& options,
                                  const ModuleHints& hints) {
  std::vector<std::string> paths = options.binaries;
  const std::string path(without_deleted(module.path));
  if (path.starts_with('/')) paths.push_back(options.symfs + path);
  if (!options.this_host || hints.pid == 0) return paths;
  const std::string process = fmt::format("/proc/{}", hints.pid);
  if (path.starts_with('/')) paths.push_back(process + "/root" + path);
  paths.push_back(fmt::format("{}/map_files/{:x}-{:x}", process, hints.start, hints.end));
  paths.push_back(process + "/exe");
  return paths;
}

bool is_other_build(const Module& module, const ElfImage& image) {
  return !module.build_id.empty() && !image.build_id().empty() &&
         module.build_id != image.build_id();
}

// Opens one candidate; says what is wrong with it.
Unnamed open_candidate(const std::string& path, const Module& module, ModuleSymbols& symbols) {
  auto file = MappedFile::open(path);
  if (!file) return Unnamed::kModuleGone;
  auto image = ElfImage::parse(file->bytes());
  if (!image) return Unnamed::kModuleCorrupt;
  if (is_other_build(module, *image)) return Unnamed::kBuildIdMismatch;
  symbols.path = path;
  symbols.file = std::move(*file);
  symbols.image = std::move(*image);
  return Unnamed::kNamed;
}

void read_functions(ModuleSymbols& symbols, const Options& options) {
  const auto bounds = function_bounds(*symbols.image);
  if (symbols.image->section(".symtab") == nullptr) {
    symbols.debug = find_debug_file(*symbols.image, symbols.path, options);
    if (symbols.debug == nullptr) symbols.debug = unpack_mini_debug_info(*symbols.image);
  }
  const ElfImage* debug = symbols.debug == nullptr ? nullptr : &*symbols.debug->image;
  symbols.functions = FunctionTable::from_image(*symbols.image, bounds, debug);
  const ElfImage& with_dwarf = debug == nullptr ? *symbols.image : *debug;
  if (options.inlines && with_dwarf.section(".debug_info") != nullptr) {
    symbols.inlined = InlinedFrames::open(debug == nullptr ? symbols.path : symbols.debug->path);
  }
  if (options.recover) recover(*symbols.image, symbols.functions, options.cache_dir);
}

}  // namespace

std::optional<uint64_t> ModuleSymbols::file_address(const Mapping& mapping,
                                                    uint64_t address) const {
  if (!image || address < mapping.start) return std::nullopt;
  return image->address_of_offset(address - mapping.start + mapping.file_offset);
}

std::unique_ptr<ModuleSymbols> load_own_vdso() {
  auto symbols = std::make_unique<ModuleSymbols>();
  symbols->memory = own_vdso_bytes();
  auto image = ElfImage::parse(symbols->memory);
  if (!image) {
    symbols->reason = Unnamed::kNoSymbols;
    return symbols;
  }
  symbols->image = std::move(*image);
  symbols->functions = FunctionTable::from_image(*symbols->image, function_bounds(*symbols->image));
  return symbols;
}

Result<std::unique_ptr<ModuleSymbols>> open_module_file(const std::string& path,
                                                        const Options& options) {
  auto symbols = std::make_unique<ModuleSymbols>();
  auto file = MappedFile::open(path);
  if (!file) return fail(std::move(file).error());
  auto image = ElfImage::parse(file->bytes());
  if (!image) return fail(std::move(image).error().within(path));
  symbols->path = path;
  symbols->file = std::move(*file);
  symbols->image = std::move(*image);
  read_functions(*symbols, options);
  return symbols;
}

std::unique_ptr<ModuleSymbols> load_module(const Module& module,
                                           const Options& options,
                                           const ModuleHints& hints) {
  auto symbols = std::make_unique<ModuleSymbols>();
  symbols->reason = Unnamed::kModuleGone;
  for (const std::string& path : paths_of(module, options, hints)) {
    // Only the module's own path may stand for it without a build-id to compare.
    const bool own = path == options.symfs + std::string(without_deleted(module.path)) ||
                     path.find("/root/") != std::string::npos;
    const bool replaced = module.path.ends_with(kDeleted);
    if ((!own || replaced) && module.build_id.empty() &&
        path.find("/map_files/") == std::string::npos) {
      continue;
    }
    const Unnamed problem = open_candidate(path, module, *symbols);
    if (problem == Unnamed::kNamed || own) symbols->reason = problem;
    if (problem == Unnamed::kNamed) break;
  }
  if (!symbols->image) return symbols;
  read_functions(*symbols, options);
  return symbols;
}

}  // namespace pgflame::symbolizer
