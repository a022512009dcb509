// Files in the cache folder: what can be made again, kept between runs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/file.h"
#include "src/base/guarded_mapping.h"

namespace pgflame {

// Contents that stay in their file.
struct KeptMapping {
  FileHandle handle;
  std::shared_ptr<const GuardedMapping> file;
  std::string_view contents;

  // The file was not cut meanwhile: what was read of it is what was kept.
  bool whole() const;
};

// What write_kept_file() was given, or nothing: no such file, another mark, cut or changed since,
// one that others than this user could have written, or one that cannot be mapped. A mark says what
// is kept and in which form.
std::optional<std::string> read_kept_file(const std::string& path, std::string_view mark);
std::optional<KeptMapping> map_kept_file(const std::string& path, std::string_view mark);

// Best effort, with the folders that are missing: what cannot be kept is only made again. Nobody
// else may read the file.
void write_kept_file(const std::string& path, std::string_view mark, std::string_view contents);

// A number, or a row of numbers, as it lies in memory: such files never leave the machine.
template <typename T>
void append_value(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace pgflame
