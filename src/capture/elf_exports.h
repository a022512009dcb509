// Where a server's binary keeps its exported variables.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace pgflame::capture {

// The values of these symbols in .dynsym of an ELF64 image, 0 for those it does not define. Any
// bytes may be passed.
std::vector<uint64_t> find_exports(std::span<const uint8_t> image,
                                   std::span<const std::string_view> names);

// What has to be added to the image's addresses in a process that maps the file's byte
// `file_offset` at `start`: 0 for fixed-position executables. Nothing when no segment fits.
std::optional<uint64_t> load_bias(std::span<const uint8_t> image,
                                  uint64_t start,
                                  uint64_t file_offset);

}  // namespace pgflame::capture
