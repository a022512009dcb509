// The settings whose values findings may refer to: what --dsn asks a server for.
#pragma once

#include <span>
#include <string_view>

namespace pgflame::postgres {

// Names as in pg_settings, sorted.
std::span<const std::string_view> asked_settings();

}  // namespace pgflame::postgres
