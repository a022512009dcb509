#include "src/cli/output.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <vector>

#include <sys/stat.h>

#include <unistd.h>

#include "src/cli/terminal.h"

namespace pgflame::cli {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

}  // namespace

Status check_writable(const std::string& path, Overwrite overwrite) {
  std::error_code ignored;
  if (Status done = may_be_replaced(path); !done) return done;
  if (overwrite == Overwrite::kRefuse && fs::exists(fs::symlink_status(path, ignored))) {
    return fail(ErrorKind::kUsage, path + " already exists", "use --force to overwrite it, or -o");
  }
  const std::string folder = folder_of(path).string();
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    Error error = system_error("cannot write to folder " + folder, errno);
    error.hint = "choose another place (-o, --md, --json)";
    return fail(std::move(error));
  }
  return {};
}

Status check_outputs(const OutputOptions& output,
                     const std::string& base,
                     std::initializer_list<const char*> extensions) {
  std::vector<std::string> paths;
  for (const char* extension : extensions)
    paths.push_back(base + extension);
  for (const std::string& path : {output.markdown, output.json}) {
    if (!path.empty() && path != "-") paths.push_back(path);
  }
  for (const std::string& path : paths) {
    if (Status done = check_writable(path, output.overwrite()); !done) return done;
  }
  return {};
}

std::string base_of(const OutputOptions& output, const std::string& fallback) {
  std::string base = output.base;
  bool is_file = false;
  for (const std::string_view extension : {".svg", ".pb.gz"}) {
    if (!base.ends_with(extension)) continue;
    base.resize(base.size() - extension.size());
    is_file = true;
  }
  std::error_code ignored;
  if (base.empty() || base.ends_with('/')) return base + fallback;
  return !is_file && fs::is_directory(base, ignored) ? base + "/" + fallback : base;
}

bool needs_override(const std::string& path) {
  struct stat folder {};
  if (::geteuid() != 0 || ::stat(folder_of(path).c_str(), &folder) != 0) return false;
  if (folder.st_uid == 0) return (folder.st_mode & S_IWUSR) == 0;
  if (folder.st_gid == ::getegid()) return (folder.st_mode & S_IWGRP) == 0;
  return (folder.st_mode & S_IWOTH) == 0;
}

Result<std::string> write_or_rescue(const std::string& path,
                                    std::string_view contents,
                                    Overwrite overwrite) {
  Status written = write_file_atomically(path, contents, overwrite);
  if (written) return path;
  const std::string name = fs::path(path).filename().string();
  for (const char* folder : {"/var/tmp", "/tmp", "/dev/shm"}) {
    const std::string rescue = std::string(folder) + "/" + name;
    if (write_file_atomically(rescue, contents, Overwrite::kRefuse)) {
      report_error({written.error().kind,
                    written.error().what + "; saved as " + rescue + " instead",
                    "make room there, or choose another place with -o"});
      return rescue;
    }
  }
  return fail(std::move(written).error());
}

std::string base_name_for(const std::string& input) {
  if (input == "-") return "pgflame-report";
  std::string name = fs::path(input).filename().string();
  if (name.empty()) name = fs::path(input).parent_path().filename().string();
  constexpr std::array<std::string_view, 10> kExtensions{
      ".gz", ".xz", ".zst", ".pb", ".data", ".perf", ".svg", ".folded", ".txt", ".script"};
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view extension : kExtensions) {
      if (name.size() > extension.size() && name.ends_with(extension)) {
        name.resize(name.size() - extension.size());
        found = true;
      }
    }
  }
  return name;
}

}  // namespace pgflame::cli
