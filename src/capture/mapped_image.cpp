#include "src/capture/mapped_image.h"

#include <fmt/format.h>

#include "src/capture/proc.h"
#include "symbolizer/unwind/module_tables.h"

namespace pgflame::capture {

Result<unwind::ElfImage> open_mapped_image(int32_t pid, const MapsLine& line) {
  if (line.path == "[vdso]") return unwind::own_vdso();
  auto image = unwind::ElfImage::open(
      proc_path(pid, fmt::format("map_files/{:x}-{:x}", line.start, line.end)));
  if (image) return image;
  return unwind::ElfImage::open(proc_path(pid, fmt::format("root{}", line.path)));
}

}  // namespace pgflame::capture
