// The reference programs that are built into pgflame: servers and extension modules.
#pragma once

#include <span>
#include <string_view>

namespace pgflame::symbolizer {

struct Reference {
  std::string_view module;    // "postgres", "plpgsql", ...
  int major = 0;              // of PostgreSQL
  std::string_view compiler;  // which compilers inline differently
  std::string_view bytes;     // zstd-compressed, see recovery/reference.h
};

std::span<const Reference> references();

}  // namespace pgflame::symbolizer
