// Which file is a module's: the one that was running, or none.
#pragma once

#include <cstdint>
#include <vector>

#include "src/profile/profile.h"
#include "symbolizer/module_symbols.h"

namespace pgflame::symbolizer {

// What a capture tells about the file of a module besides its path and build-id.
struct SampledModule {
  ModuleId id;
  bool of_this_boot = false;          // the numbers of its file are this host's
  uint64_t bytes = 0;                 // of its largest mapping
  std::vector<Mapping> mappings;      // by which it was sampled; empty when it has a build-id
  std::vector<uint64_t> ran;          // offsets in the file of code that ran; likewise
  std::vector<LocationId> locations;  // that want names
};

// The files among the modules of these locations, those with the most code first.
std::vector<SampledModule> sampled_files(const Profile& profile,
                                         const std::vector<LocationId>& locations,
                                         bool of_this_boot);

// Whether the file has code wherever the module was mapped and seen running.
bool has_code_of(const ElfImage& image, const SampledModule& sampled);

// Opens the file and says what is known of it, or why there is none: what was mapped, though an
// upgrade may have replaced it or a container hide it; else a file with the module's build-id. Of a
// module without build-id only the user's word counts (--binary, --symfs), or that the file is the
// very one that was mapped on this host.
void find_module_file(const Module& module,
                      const SampledModule& sampled,
                      const Options& options,
                      ModuleSymbols& symbols);

}  // namespace pgflame::symbolizer
