#include "symbolizer/dwarf_files.h"

#include <array>
#include <climits>
#include <initializer_list>

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <sys/stat.h>

#include <fmt/format.h>
#include <unistd.h>

namespace pgflame::symbolizer {
namespace {

bool is_absent_or_regular(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode);
}

std::string inside(const std::string& folder, const std::string& path) {
  return path.starts_with('/') || folder.empty() ? path : folder + "/" + path;
}

std::string text_of(Dwarf_Die& entry, std::initializer_list<unsigned> kinds) {
  for (const unsigned kind : kinds) {
    Dwarf_Attribute attribute;
    if (dwarf_attr(&entry, kind, &attribute) == nullptr) continue;
    if (const char* text = dwarf_formstring(&attribute)) return text;
  }
  return {};
}

}  // namespace

std::string folder_of_file(int fd) {
  std::array<char, PATH_MAX> path{};
  const std::string link = fmt::format("/proc/self/fd/{}", fd);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  if (length <= 0) return {};
  const std::string target(path.data(), static_cast<size_t>(length));
  return target.substr(0, target.rfind('/') + 1);
}

bool names_shared_file(Dwarf* dwarf) {
  const char* name = nullptr;
  const void* build_id = nullptr;
  return dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &build_id) != 0;
}

bool shared_file_can_be_opened(Dwarf* dwarf, const std::string& folder) {
  const char* name = nullptr;
  const void* build_id = nullptr;
  if (dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &build_id) <= 0) return true;
  return is_absent_or_regular(inside(folder, name));
}

bool split_file_can_be_opened(Dwarf_Die& skeleton, const std::string& folder) {
  const std::string name = text_of(skeleton, {DW_AT_dwo_name, DW_AT_GNU_dwo_name});
  const std::string compiled_in = text_of(skeleton, {DW_AT_comp_dir});
  return is_absent_or_regular(inside(folder, name)) &&
         is_absent_or_regular(inside(inside(folder, compiled_in), name));
}

}  // namespace pgflame::symbolizer
