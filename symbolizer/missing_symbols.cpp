#include "symbolizer/missing_symbols.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace pgflame::symbolizer {
namespace {

// The digits after a prefix: "/usr/lib/postgresql/15/bin" -> "15".
std::string_view digits_after(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return {};
  path.remove_prefix(prefix.size());
  const std::string_view digits = path.substr(0, path.find_first_not_of("0123456789"));
  return digits;
}

struct Library {
  std::string_view file;
  std::string_view debian;
  std::string_view rpm;
};
// File names up to the version; Debian 12's packages.
constexpr std::array<Library, 14> kLibraries{{
    {"libc.so", "libc6-dbg", "glibc-debuginfo"},
    {"libc-2", "libc6-dbg", "glibc-debuginfo"},
    {"libm.so", "libc6-dbg", "glibc-debuginfo"},
    {"ld-linux", "libc6-dbg", "glibc-debuginfo"},
    {"libpthread", "libc6-dbg", "glibc-debuginfo"},
    {"libstdc++", "libstdc++6-dbgsym", "libstdc++-debuginfo"},
    {"libcrypto.so.3", "libssl3-dbgsym", "openssl-libs-debuginfo"},
    {"libssl.so.3", "libssl3-dbgsym", "openssl-libs-debuginfo"},
    {"libzstd", "libzstd1-dbgsym", "libzstd-debuginfo"},
    {"liblz4", "liblz4-1-dbgsym", "lz4-libs-debuginfo"},
    {"libz.so", "zlib1g-dbgsym", "zlib-debuginfo"},
    {"libxml2", "libxml2-dbgsym", "libxml2-debuginfo"},
    {"libpq", "libpq5-dbgsym", "libpq-debuginfo"},
    {"libgeos", "libgeos3.11.1-dbgsym", "geos-debuginfo"},
}};

std::string library_package(std::string_view path, std::string_view file) {
  const bool rpm = path.starts_with("/usr/lib64/") || path.starts_with("/lib64/");
  for (const Library& library : kLibraries) {
    if (file.starts_with(library.file)) return std::string(rpm ? library.rpm : library.debian);
  }
  if (!file.starts_with("libicu")) return {};
  if (rpm) return "libicu-debuginfo";
  const size_t version = file.find(".so.");
  if (version == std::string_view::npos) return {};
  return fmt::format("libicu{}-dbgsym", digits_after(file.substr(version), ".so."));
}

std::string server_package(std::string_view major, std::string_view file) {
  if (file.starts_with("postgis") || file.starts_with("rtpostgis")) {
    return fmt::format("postgresql-{}-postgis-3-dbgsym", major);
  }
  for (const std::string_view language : {"plpython3", "plperl", "pltcl"}) {
    if (file.starts_with(language)) return fmt::format("postgresql-{}-{}-dbgsym", language, major);
  }
  return fmt::format("postgresql-{}-dbgsym", major);
}

}  // namespace

std::string debug_package(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view file = path.substr(slash + 1);
  if (const auto major = digits_after(path, "/usr/lib/postgresql/"); !major.empty()) {
    return server_package(major, file);
  }
  if (const auto major = digits_after(path, "/usr/pgsql-"); !major.empty()) {
    return fmt::format("postgresql{}-debuginfo", major);
  }
  return library_package(path, file);
}

std::vector<MissingSymbols> missing_symbols(const Profile& profile) {
  std::map<std::pair<ModuleId, Unnamed>, uint64_t> samples;
  for (const Sample& sample : profile.samples) {
    const LocationId leaf = profile.stacks[sample.stack].location;
    if (sample.state != State::kRunning || !leaf.valid()) continue;
    const Location& location = profile.locations[leaf];
    if (location.line_count == 0) continue;
    const Function& function = profile.functions[profile.lines[location.first_line].function];
    const bool unnamed = function.tier == NameTier::kNone || function.tier == NameTier::kPlaced;
    if (!unnamed || !function.module.valid()) continue;
    const Unnamed reason =
        function.tier == NameTier::kPlaced ? Unnamed::kNoSymbols : function.unnamed;
    samples[{function.module, reason}] += sample.count;
  }
  std::vector<MissingSymbols> missing;
  for (const auto& [key, count] : samples) {
    const Module& module = profile.modules[key.first];
    missing.push_back({.module = module.path,
                       .build_id = module.build_id,
                       .package = debug_package(module.path),
                       .reason = key.second,
                       .samples = count});
  }
  std::ranges::stable_sort(missing, std::ranges::greater{}, &MissingSymbols::samples);
  return missing;
}

}  // namespace pgflame::symbolizer
