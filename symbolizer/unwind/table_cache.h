// Tables of large modules, compiled once and kept between runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "symbolizer/unwind/table.h"

namespace pgflame::unwind {

// What a table is compiled from. Tools that rewrite a file (patchelf, strip) leave its build-id
// alone, so the build-id only names the cached file.
uint64_t fingerprint(const ElfImage& image);

// The form in which a table is kept. Nothing when the bytes are not what `packed` made of a table
// with this fingerprint, or would lead a lookup astray: anybody may have written them.
std::string packed(const Table& table, uint64_t fingerprint);
std::optional<Table> unpacked(std::string_view bytes, uint64_t fingerprint);

std::string cached_table_path(const std::string& directory, const std::string& build_id);

// compile_table(image), or what it returned in an earlier run. An empty directory keeps nothing;
// one that cannot be written is only slow.
Table cached_table(const ElfImage& image, const std::string& directory);

}  // namespace pgflame::unwind
