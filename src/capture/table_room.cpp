#include "src/capture/table_room.h"

#include <algorithm>
#include <set>
#include <string>

#include "src/base/file.h"
#include "src/capture/jit_tables.h"
#include "src/capture/mapped_image.h"
#include "src/capture/proc.h"
#include "src/profile/address_space.h"

namespace pgflame::capture {
namespace {

constexpr uint64_t kMaxMapsBytes = uint64_t{64} << 20;

}  // namespace

void RowEstimate::add(uint64_t frame_bytes, bool makes_code) {
  bytes_ += frame_bytes;
  has_code_maker_ = has_code_maker_ || makes_code;
}

uint32_t RowEstimate::rows() const {
  // Servers, LLVM, libz3 and libc have 5.8 to 10.8 bytes of .eh_frame for each row, the index
  // included; libxml2, which has few, 4.6.
  const uint64_t of_modules = bytes_ * 2 / 11;
  constexpr uint64_t kRoom = 1U << 16U;
  constexpr uint64_t kRoomForLlvm = 1U << 20U;  // backends load it when they first compile
  const uint64_t rows = of_modules + JitTables::kRows + (has_code_maker_ ? kRoom : kRoomForLlvm);
  return static_cast<uint32_t>(std::clamp<uint64_t>(rows, kFewestRows, kMostRows));
}

uint32_t rows_for(std::span<const int32_t> pids) {
  RowEstimate estimate;
  std::set<std::string> seen;
  for (const int32_t pid : pids) {
    const auto text = read_file(proc_path(pid, "maps"), kMaxMapsBytes);
    if (!text) continue;
    for (const MapsLine& line : parse_maps(*text)) {
      if (!line.executable || kind_of_mapping(line.path) != ModuleKind::kFile) continue;
      if (!seen.insert(identity_of_mapped_file(line)).second) continue;
      const auto image = open_mapped_image(pid, line);
      if (image && image->eh_frame())
        estimate.add(image->eh_frame()->bytes.size(), makes_code(line.path));
    }
  }
  return estimate.rows();
}

}  // namespace pgflame::capture
