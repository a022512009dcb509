// A capture of any format, opened and named.
#pragma once

#include <string>

#include "src/base/error.h"
#include "src/input/input.h"
#include "src/profile/profile.h"
#include "symbolizer/symbolizer.h"

namespace CLI {
class App;
}

namespace pgflame::cli {

struct OpenOptions {
  input::Options input;
  symbolizer::Options naming;
};

void add_open_options(CLI::App& command, OpenOptions& options);

Result<Profile> open_named(const std::string& path, const OpenOptions& options);

}  // namespace pgflame::cli
