// The user and the database of a session whose title does not tell where one name ends and the
// other begins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/capture/tag_layout.h"

namespace pgflame::capture {

struct SessionNames {
  std::string user;
  std::string database;  // empty: a walsender without one
};

// From the backend's own memory: its Port keeps database_name and user_name side by side
// (src/include/libpq/libpq-be.h, 13 to 19). `title_names` is what its title says, "USER DATABASE"
// or "USER"; two neighbours that make just this text are the names. Nothing when there are none.
std::optional<SessionNames> session_names(int32_t pid,
                                          const TagLayout& layout,
                                          std::string_view title_names);

}  // namespace pgflame::capture
