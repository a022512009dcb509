#include "src/cli/input_options.h"

#include <CLI/CLI.hpp>

namespace pgflame::cli {

void add_input_options(CLI::App& command, input::Options& options) {
  command.add_option("--event", options.event, "Only samples of this event of the file");
  command.add_option("--pid", options.pids, "Only these processes")->delimiter(',');
  command.add_option("--comm", options.comms, "Only processes of this name")->delimiter(',');
  command.add_option("--time",
                     options.time,
                     "Only from A to B: A,B in seconds since the start, or wall-clock in UTC");
  command.add_flag("--exclude-idle", options.exclude_idle, "Leave idle samples out");
}

void add_naming_options(CLI::App& command, symbolizer::Options& options) {
  command.add_option("--symfs", options.symfs, "Look for binaries below this folder");
  command.add_option("--debug-dir", options.debug_dirs, "Look for debug files here first");
  command.add_option("--binary", options.binaries, "A binary to take names from");
}

}  // namespace pgflame::cli
