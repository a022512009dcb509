#include "symbolizer/debug_package.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "src/base/file.h"

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

// Built with the server: in its own packages, and contrib's, PostgreSQL 13 to 18.
constexpr std::array<std::string_view, 7> kServerModules{"plpgsql",
                                                         "libpqwalreceiver",
                                                         "dict_snowball",
                                                         "pgoutput",
                                                         "llvmjit",
                                                         "euc2004_sjis2004",
                                                         "test_decoding"};
constexpr std::array<std::string_view, 52> kContribModules{"adminpack",
                                                           "amcheck",
                                                           "auth_delay",
                                                           "auto_explain",
                                                           "autoinc",
                                                           "basebackup_to_shell",
                                                           "basic_archive",
                                                           "bloom",
                                                           "btree_gin",
                                                           "btree_gist",
                                                           "citext",
                                                           "cube",
                                                           "dblink",
                                                           "dict_int",
                                                           "dict_xsyn",
                                                           "earthdistance",
                                                           "file_fdw",
                                                           "fuzzystrmatch",
                                                           "hstore",
                                                           "insert_username",
                                                           "_int",
                                                           "isn",
                                                           "lo",
                                                           "ltree",
                                                           "moddatetime",
                                                           "old_snapshot",
                                                           "pageinspect",
                                                           "passwordcheck",
                                                           "pg_buffercache",
                                                           "pg_freespacemap",
                                                           "pg_prewarm",
                                                           "pg_stat_statements",
                                                           "pg_surgery",
                                                           "pg_trgm",
                                                           "pg_visibility",
                                                           "pg_walinspect",
                                                           "pgcrypto",
                                                           "pgrowlocks",
                                                           "pgstattuple",
                                                           "pgxml",
                                                           "postgres_fdw",
                                                           "refint",
                                                           "seg",
                                                           "sslinfo",
                                                           "tablefunc",
                                                           "tcn",
                                                           "tsm_system_rows",
                                                           "tsm_system_time",
                                                           "unaccent",
                                                           "uuid-ossp",
                                                           "pg_logicalinspect",
                                                           "pg_overexplain"};
constexpr std::array<std::string_view, 5> kPostgis{"postgis-",
                                                   "postgis_",
                                                   "rtpostgis",
                                                   "address_standardizer-",
                                                   "address_standardizer_"};

enum class Origin { kServer, kContrib, kElsewhere };

Origin origin_of(std::string_view file) {
  std::string_view name = file;
  if (name.ends_with(".so")) name.remove_suffix(3);
  // Conversions between encodings are called utf8_and_gbk.
  if (std::ranges::find(kServerModules, name) != kServerModules.end() ||
      name.find("_and_") != std::string_view::npos) {
    return Origin::kServer;
  }
  const bool contrib = std::ranges::find(kContribModules, name) != kContribModules.end();
  return contrib ? Origin::kContrib : Origin::kElsewhere;
}

bool is_postgis(std::string_view file) {
  return std::any_of(kPostgis.begin(), kPostgis.end(), [&](std::string_view prefix) {
    return file.starts_with(prefix);
  });
}

// Of /usr/lib/postgresql/N/{bin,lib}.
std::string debian_package(std::string_view major, std::string_view path, std::string_view file) {
  if (path.find("/bin/") != std::string_view::npos || origin_of(file) != Origin::kElsewhere) {
    return fmt::format("postgresql-{}-dbgsym", major);
  }
  if (is_postgis(file)) return fmt::format("postgresql-{}-postgis-3-dbgsym", major);
  // Also their transforms: hstore_plperl.so.
  for (const std::string_view language : {"plpython3", "plperl", "pltcl"}) {
    if (file.find(language) != std::string_view::npos) {
      return fmt::format("postgresql-{}-{}-dbgsym", language, major);
    }
  }
  return {};
}

// Of PGDG's /usr/pgsql-N/{bin,lib}.
std::string pgdg_package(std::string_view major, std::string_view path, std::string_view file) {
  const bool own = path.find("/bin/") != std::string_view::npos;
  return own || origin_of(file) != Origin::kElsewhere ? fmt::format("postgresql{}-debuginfo", major)
                                                      : std::string();
}

// Of the server of Fedora and RHEL themselves.
std::string distribution_package(std::string_view path, std::string_view file) {
  if (path == "/usr/bin/postgres") return "postgresql-server-debuginfo";
  if (!path.starts_with("/usr/lib64/pgsql/")) return {};
  switch (origin_of(file)) {
    case Origin::kServer:
      return "postgresql-server-debuginfo";
    case Origin::kContrib:
      return "postgresql-contrib-debuginfo";
    default:
      return {};
  }
}

// Paths begin alike, so that a search that stops at each first letter would stop at every line.
size_t find_text(std::string_view text, std::string_view part, size_t from) {
  const void* found = ::memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

bool lists(std::string_view list, std::string_view path) {
  for (size_t at = find_text(list, path, 0); at != std::string_view::npos;
       at = find_text(list, path, at + 1)) {
    const size_t end = at + path.size();
    const bool begins = at == 0 || list[at - 1] == '\n';
    if (begins && (end == list.size() || list[end] == '\n')) return true;
  }
  return false;
}

constexpr std::string_view kList = ".list";

std::string letters_and_digits(std::string_view text) {
  std::string kept;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      kept += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return kept;
}

// A library's package begins as its file does, as a rule: libLLVM-14.so.1 is of libllvm14. There
// may be thousands of lists.
std::vector<std::string> lists_by_likeness(std::string_view path, const std::string& dpkg_info) {
  const std::string file = letters_and_digits(path.substr(path.rfind('/') + 1));
  std::vector<std::pair<ptrdiff_t, std::string>> lists;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dpkg_info, error)) {
    std::string name = entry.path().filename().string();
    if (!name.ends_with(kList)) continue;
    const std::string package = letters_and_digits(name);
    const auto [end, ignored] = std::ranges::mismatch(file, package);
    lists.emplace_back(file.begin() - end, std::move(name));
  }
  std::ranges::sort(lists);
  std::vector<std::string> names;
  names.reserve(lists.size());
  for (auto& [unlike, name] : lists)
    names.push_back(std::move(name));
  return names;
}

}  // namespace

std::string debug_package(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view file = path.substr(slash + 1);
  if (const auto major = digits_after(path, "/usr/lib/postgresql/"); !major.empty()) {
    return debian_package(major, path, file);
  }
  if (const auto major = digits_after(path, "/usr/pgsql-"); !major.empty()) {
    return pgdg_package(major, path, file);
  }
  const std::string package = distribution_package(path, file);
  return package.empty() ? library_package(path, file) : package;
}

std::string installed_debug_package(std::string_view path, const std::string& dpkg_info) {
  constexpr size_t kMaxList = size_t{16} << 20;
  constexpr std::string_view kUsr = "/usr";
  // Where /lib is a link to /usr/lib the lists may name either.
  const std::string_view shorter = path.starts_with("/usr/lib") ? path.substr(kUsr.size()) : path;
  for (const std::string& name : lists_by_likeness(path, dpkg_info)) {
    const auto list = read_strange_file(std::string(dpkg_info).append("/").append(name), kMaxList);
    if (!list || (!lists(*list, path) && !lists(*list, shorter))) continue;
    return name.substr(0, std::min(name.find(':'), name.rfind(kList))) + "-dbgsym";
  }
  return {};
}

}  // namespace pgflame::symbolizer
