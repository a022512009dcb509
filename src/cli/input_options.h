// Options of every command that opens a capture.
#pragma once

#include "src/input/input.h"
#include "symbolizer/symbolizer.h"

namespace CLI {
class App;
}

namespace pgflame::cli {

// --event, --pid, --comm, --time, --exclude-idle
void add_input_options(CLI::App& command, input::Options& options);

// --symfs, --debug-dir, --binary
void add_naming_options(CLI::App& command, symbolizer::Options& options);

}  // namespace pgflame::cli
