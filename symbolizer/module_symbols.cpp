#include "symbolizer/module_symbols.h"

#include <utility>

#include "src/base/own_vdso.h"
#include "symbolizer/function_bounds.h"
#include "symbolizer/kept_frames.h"
#include "symbolizer/mapped_code.h"
#include "symbolizer/module_search.h"
#include "symbolizer/recovery.h"

namespace pgflame::symbolizer {
namespace {

bool has_dwarf(const ElfImage& image) {
  // GNU's older compression has sections of its own.
  return image.section(".debug_info") != nullptr || image.section(".zdebug_info") != nullptr;
}

// DWARF is in the file with the symbol table, or apart from it all the same.
std::unique_ptr<InlinedFrames> find_inlined(const ModuleSymbols& symbols, const Options& options) {
  const auto frames_in = [&](const ElfImage& image, const std::string& path) {
    return has_dwarf(image) ? KeptFrames::open(image, path, options.cache_dir) : nullptr;
  };
  if (has_dwarf(*symbols.image)) return frames_in(*symbols.image, symbols.path);
  if (symbols.debug != nullptr) return frames_in(*symbols.debug->image, symbols.debug->path);
  const auto debug = find_local_debug_file(*symbols.image, symbols.place, options);
  return debug == nullptr ? nullptr : frames_in(*debug->image, debug->path);
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
  if (options.recover && has_instructions(*symbols.image))
    recover(*symbols.image, symbols.functions, options.cache_dir);
}

// A file with the module's build-id that is not the module itself but has its names.
void take_debug_file(const Module& module, const Options& options, ModuleSymbols& symbols) {
  auto found = find_file_of_build(module.build_id, options);
  if (found == nullptr) return;
  symbols.path = found->path;
  symbols.place = found->path;
  symbols.file = std::move(found->file);
  symbols.image = std::move(found->image);
  symbols.reason = Unnamed::kNamed;
}

}  // namespace

std::optional<uint64_t> ModuleSymbols::file_address(const Mapping& mapping,
                                                    uint64_t address) const {
  return image ? address_in_file(*image, mapping, address) : std::nullopt;
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
                                           const SampledModule& sampled,
                                           const Options& options) {
  auto symbols = std::make_unique<ModuleSymbols>();
  find_module_file(module, sampled, options, *symbols);
  if (!symbols->image) take_debug_file(module, options, *symbols);
  if (symbols->image) read_functions(*symbols, options);
  return symbols;
}

}  // namespace pgflame::symbolizer
