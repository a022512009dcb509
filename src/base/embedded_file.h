// A text file that was compiled in, see cmake/Embed.cmake.
#pragma once

#include <string_view>

namespace pgflame {

struct EmbeddedFile {
  std::string_view name;  // without folder
  std::string_view text;
};

}  // namespace pgflame
