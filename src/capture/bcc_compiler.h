// Compiles the programs on this host: what has to be there, and the module that does it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "src/base/error.h"
#include "src/capture/bcc_image.h"

namespace pgflame::capture {

// Where things are looked for; tests put their own in.
struct BccPlaces {
  std::string headers;  // of the running kernel
  std::string packed_headers = "/sys/kernel/kheaders.tar.xz";
  std::string executable = "/proc/self/exe";
  std::string library_folder;
};
BccPlaces usual_places();

// The path of the module; an error when it, or what it needs, is not there.
Result<std::string> find_bcc_module(const BccPlaces& places);

// `names`: of all functions; an empty one is added as the last.
Result<BccImage> compile_here(const std::string& definitions,
                              std::span<const std::string_view> names);

}  // namespace pgflame::capture
