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
  const auto frames_in =
      [&](const ElfImage& image, const std::string& path, const MappedFile& file) {
        const DwarfFile dwarf{path, image.build_id(), file.stamp()};
        return has_dwarf(image) ? KeptFrames::open(dwarf, options.cache_dir) : nullptr;
      };
  const auto frames_of = [&](const DebugFile& debug) {
    return frames_in(*debug.image, debug.path, debug.file);
  };
  if (has_dwarf(*symbols.image)) return frames_in(*symbols.image, symbols.path, symbols.file);
  if (symbols.debug != nullptr) return frames_of(*symbols.debug);
  const auto debug = find_local_debug_file(*symbols.image, symbols.place, options);
  return debug == nullptr ? nullptr : frames_of(*debug);
}

std::vector<uint64_t> file_addresses(const ModuleSymbols& symbols,
                                     const Profile& profile,
                                     const std::vector<LocationId>& locations) {
  std::vector<uint64_t> addresses;
  addresses.reserve(locations.size());
  for (const LocationId id : locations) {
    const Location& location = profile.locations[id];
    const auto address = symbols.file_address(profile.mappings[location.mapping], location.address);
    if (address) addresses.push_back(*address);
  }
  return addresses;
}

void find_debug(ModuleSymbols& symbols, const Options& options) {
  if (symbols.image->section(".symtab") != nullptr) return;
  symbols.debug = find_debug_file(*symbols.image, symbols.place, options);
  if (symbols.debug == nullptr) symbols.debug = unpack_mini_debug_info(*symbols.image);
}

const ElfImage* debug_image(const ModuleSymbols& symbols) {
  return symbols.debug == nullptr ? nullptr : &*symbols.debug->image;
}

bool recovers(const ModuleSymbols& symbols, const Options& options) {
  return options.recover && has_instructions(*symbols.image);
}

void read_all_functions(ModuleSymbols& symbols, const Options& options) {
  const auto bounds = function_bounds(*symbols.image);
  for (const FunctionBounds& function : bounds)
    symbols.unwound_bytes += function.end - function.start;
  symbols.functions = FunctionTable::from_image(*symbols.image, bounds, debug_image(symbols));
  if (recovers(symbols, options)) recover(*symbols.image, symbols.functions, options.cache_dir);
}

// Those at the places that were sampled, unless recovery has to see all of them.
void read_sampled_functions(ModuleSymbols& symbols,
                            const Profile& profile,
                            const SampledModule& sampled,
                            const Options& options) {
  std::optional<FunctionTable> functions;
  if (!recovers(symbols, options) || !may_recover(*symbols.image, debug_image(symbols))) {
    functions = FunctionTable::from_image_at(
        *symbols.image, file_addresses(symbols, profile, sampled.locations), debug_image(symbols));
  }
  if (functions) {
    symbols.functions = std::move(*functions);
  } else {
    read_all_functions(symbols, options);
  }
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
  find_debug(*symbols, options);
  read_all_functions(*symbols, options);
  if (options.inlines) symbols->inlined = find_inlined(*symbols, options);
  return symbols;
}

std::unique_ptr<ModuleSymbols> load_module(const Profile& profile,
                                           const SampledModule& sampled,
                                           const Options& options) {
  auto symbols = std::make_unique<ModuleSymbols>();
  const Module& module = profile.modules[sampled.id];
  find_module_file(module, sampled, options, *symbols);
  if (!symbols->image) take_debug_file(module, options, *symbols);
  if (!symbols->image) return symbols;
  find_debug(*symbols, options);
  read_sampled_functions(*symbols, profile, sampled, options);
  if (options.inlines) symbols->inlined = find_inlined(*symbols, options);
  return symbols;
}

}  // namespace pgflame::symbolizer
