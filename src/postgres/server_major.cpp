#include "src/postgres/server_major.h"

#include <array>

#include "src/base/text.h"

namespace pgflame::postgres {
namespace {

constexpr int kOldest = 9;
constexpr int kNewest = 99;

// The number that fills `text` as far as the next slash.
int leading_major(std::string_view text) {
  const auto number = parse_u64(text.substr(0, text.find('/')));
  return number && *number >= kOldest && *number <= kNewest ? static_cast<int>(*number) : 0;
}

std::string_view file_of(std::string_view path) {
  const auto slash = path.find_last_of('/');
  return path.substr(slash == std::string_view::npos ? 0 : slash + 1);
}

}  // namespace

bool is_server(std::string_view path) {
  const std::string_view file = file_of(path);
  if (file.starts_with("postgres_export")) return false;  // the Prometheus exporter
  if (file.ends_with(".so")) return false;                // postgres_fdw
  return file.starts_with("postgres") || file == "postmaster" || file == "edb-postgres";
}

int major_of_server(std::string_view path) {
  const std::string_view file = file_of(path);
  if (file != "postgres" && file != "postmaster") return 0;
  constexpr std::array<std::string_view, 4> kFolders{
      "/postgresql/", "/pgsql-", "/postgresql@", "/postgresql"};
  for (const std::string_view folder : kFolders) {
    const auto at = path.rfind(folder);
    if (at == std::string_view::npos) continue;
    if (const int major = leading_major(path.substr(at + folder.size())); major != 0) return major;
  }
  return 0;
}

}  // namespace pgflame::postgres
