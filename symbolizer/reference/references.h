// The reference programs that are built into pgflame.
#pragma once

#include <span>
#include <string_view>

namespace pgflame::symbolizer {

struct Reference {
  int major = 0;              // of PostgreSQL
  std::string_view compiler;  // which compilers inline differently
  std::string_view bytes;     // zstd-compressed, see recovery/reference.h
};

std::span<const Reference> references();

}  // namespace pgflame::symbolizer
