// The symbol tables that distributions keep apart from the binary: separate debug files and the
// small compressed one that Fedora and RHEL put inside it (MiniDebugInfo).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "src/base/file.h"
#include "symbolizer/elf_image.h"
#include "symbolizer/symbolizer.h"

namespace pgflame::symbolizer {

// Never moved: the image points into the bytes.
struct DebugFile {
  std::string path;  // empty for MiniDebugInfo
  MappedFile file;   // one of these two
  std::string unpacked;
  std::optional<ElfImage> image;
};

// The debug file of a binary that is itself at `path`: by build-id, else by .gnu_debuglink, whose
// checksum must agree, else from debuginfod. Null when there is none.
std::unique_ptr<DebugFile> find_debug_file(const ElfImage& image,
                                           const std::string& path,
                                           const Options& options);

// The same, of those on this machine: no server is asked.
std::unique_ptr<DebugFile> find_local_debug_file(const ElfImage& image,
                                                 const std::string& path,
                                                 const Options& options);

// Instead of a module whose own file is not here: the debug file of its build-id, found here or by
// debuginfod, else the module's own file from there. Null when there is none.
std::unique_ptr<DebugFile> find_file_of_build(const std::string& build_id, const Options& options);

// What is in .gnu_debugdata. Null when there is none or it is broken.
std::unique_ptr<DebugFile> unpack_mini_debug_info(const ElfImage& image);

}  // namespace pgflame::symbolizer
