// Finds the file of a module, makes sure that it is the right build, and reads its functions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/base/file.h"
#include "symbolizer/debug_files.h"
#include "symbolizer/elf_image.h"
#include "symbolizer/function_table.h"
#include "symbolizer/inlined_frames.h"
#include "symbolizer/symbolizer.h"

namespace pgflame::symbolizer {

// Never moved: the image and the table point into the file.
struct ModuleSymbols {
  MappedFile file;
  std::vector<uint8_t> memory;  // instead of a file, of what has none
  std::optional<ElfImage> image;
  std::string path;                  // by which the file can be opened
  std::string place;                 // where its debug files are looked for: its path of old
  std::unique_ptr<DebugFile> debug;  // null without one
  FunctionTable functions;
  uint64_t unwound_bytes = 0;         // of code that .eh_frame tells of, where all of it was read
  Unnamed reason = Unnamed::kNamed;   // why `functions` is empty
  std::vector<std::string> rejected;  // files that were not used: "./postgres has build-id ..."
  bool confirmed = true;              // false: nothing but the user says that this is the file
  std::unique_ptr<InlinedFrames> inlined;  // null without DWARF, or when it was not asked for

  // Where an address of the process is in the file.
  std::optional<uint64_t> file_address(const Mapping& mapping, uint64_t address) const;
};

// The functions of one file, whatever its build.
Result<std::unique_ptr<ModuleSymbols>> open_module_file(const std::string& path,
                                                        const Options& options);

// The vDSO of this kernel: clock_gettime and the few others that it exports (vdso(7)). Empty on a
// kernel without one.
std::unique_ptr<ModuleSymbols> load_own_vdso();

struct SampledModule;

// With the functions at the locations that want names. A module whose file cannot be used comes
// back empty, with the reason.
std::unique_ptr<ModuleSymbols> load_module(const Profile& profile,
                                           const SampledModule& sampled,
                                           const Options& options);

}  // namespace pgflame::symbolizer
