#include "symbolizer/module_symbols.h"

#include <utility>

#include <sys/stat.h>

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

// Whether what is at the path is known to be something else than what was mapped, when there is no
// build-id to compare. A capture from elsewhere has nothing but the path.
bool is_another_file(const std::string& path, const Module& module, const ModuleFile* mapped) {
  struct stat status = {};
  if (!module.build_id.empty() || ::stat(path.c_str(), &status) != 0) return false;
  return module.path.ends_with(kDeleted) || (mapped != nullptr && status.st_ino != mapped->inode);
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

// What was mapped, though an upgrade may have replaced it or a container hide it; else what is at
// its path.
void open_file_of(const Module& module,
                  const Options& options,
                  const ModuleFile* mapped,
                  ModuleSymbols& symbols) {
  const std::string own = options.symfs + std::string(without_deleted(module.path));
  symbols.reason = Unnamed::kModuleGone;
  for (const std::string& path : options.binaries) {
    const bool same =
        !module.build_id.empty() && open_candidate(path, module, symbols) == Unnamed::kNamed;
    if (!same) continue;
    symbols.place = path;
    symbols.reason = Unnamed::kNamed;
    return;
  }
  symbols.place = own;
  if (mapped != nullptr && mapped->file.valid()) {
    const std::string path = fmt::format("/proc/self/fd/{}", mapped->file.get());
    symbols.reason = open_candidate(path, module, symbols);
    if (symbols.reason == Unnamed::kNamed) return;
  }
  if (!module.path.starts_with('/')) return;
  symbols.reason = is_another_file(own, module, mapped) ? Unnamed::kBuildIdMismatch
                                                        : open_candidate(own, module, symbols);
}

bool has_dwarf(const ElfImage& image) {
  // GNU's older compression has sections of its own.
  return image.section(".debug_info") != nullptr || image.section(".zdebug_info") != nullptr;
}

// DWARF is in the file with the symbol table, or apart from it all the same.
std::unique_ptr<InlinedFrames> find_inlined(const ModuleSymbols& symbols, const Options& options) {
  if (has_dwarf(*symbols.image)) return InlinedFrames::open(symbols.path);
  if (symbols.debug != nullptr) {
    return has_dwarf(*symbols.debug->image) ? InlinedFrames::open(symbols.debug->path) : nullptr;
  }
  const auto debug = find_local_debug_file(*symbols.image, symbols.place, options);
  const bool found = debug != nullptr && has_dwarf(*debug->image);
  return found ? InlinedFrames::open(debug->path) : nullptr;
}

void read_functions(ModuleSymbols& symbols, const Options& options) {
  const auto bounds = function_bounds(*symbols.image);
  for (const FunctionBounds& function : bounds)
    symbols.unwound_bytes += function.end - function.start;
  if (symbols.image->section(".symtab") == nullptr) {
    symbols.debug = find_debug_file(*symbols.image, symbols.place, options);
    if (symbols.debug == nullptr) symbols.debug = unpack_mini_debug_info(*symbols.image);
  }
  const ElfImage* debug = symbols.debug == nullptr ? nullptr : &*symbols.debug->image;
  symbols.functions = FunctionTable::from_image(*symbols.image, bounds, debug);
  if (options.inlines) symbols.inlined = find_inlined(symbols, options);
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
  if (!image->is_whole()) {
    return fail(ErrorKind::kCorrupt,
                path + ": the file is cut short: it ends before its section headers",
                "copy or install it again");
  }
  symbols->path = path;
  symbols->place = path;
  symbols->file = std::move(*file);
  symbols->image = std::move(*image);
  read_functions(*symbols, options);
  return symbols;
}

std::unique_ptr<ModuleSymbols> load_module(const Module& module,
                                           const Options& options,
                                           const ModuleFile* mapped) {
  auto symbols = std::make_unique<ModuleSymbols>();
  open_file_of(module, options, mapped, *symbols);
  if (symbols->image) read_functions(*symbols, options);
  return symbols;
}

}  // namespace pgflame::symbolizer
