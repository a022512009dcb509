// Recovered names of one build, kept between runs.
#pragma once

#include <string>

#include "symbolizer/function_table.h"

namespace pgflame::symbolizer {

// Fills what has no name, or no file, as write_cache saw it. False when there is no cache, or one
// that does not fit the table.
bool read_cache(const std::string& directory, const std::string& build_id, FunctionTable& table);

// Best effort: a cache that cannot be written is only slow.
void write_cache(const std::string& directory,
                 const std::string& build_id,
                 const FunctionTable& table);

}  // namespace pgflame::symbolizer
