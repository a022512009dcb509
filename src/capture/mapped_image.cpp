#include "src/capture/mapped_image.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "src/capture/proc.h"
#include "symbolizer/unwind/module_tables.h"

namespace pgflame::capture {

std::string identity_of_mapped_file(const MapsLine& line) {
  return fmt::format("{}:{}", line.inode, without_deleted(line.path));
}

std::string path_of_mapped_file(int32_t pid, const MapsLine& line) {
  std::string mapped = proc_path(pid, fmt::format("map_files/{:x}-{:x}", line.start, line.end));
  if (::faccessat(AT_FDCWD, mapped.c_str(), R_OK, AT_EACCESS) == 0) return mapped;
  // That takes CAP_CHECKPOINT_RESTORE. The program itself can be had without.
  if (read_process_link(pid, "exe") == without_deleted(line.path)) return proc_path(pid, "exe");
  return proc_path(pid, fmt::format("root{}", line.path));
}

Result<unwind::ElfImage> open_mapped_image(int32_t pid, const MapsLine& line) {
  if (line.path == "[vdso]") return unwind::own_vdso();
  return unwind::ElfImage::open(path_of_mapped_file(pid, line));
}

}  // namespace pgflame::capture
