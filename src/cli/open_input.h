// Opening a capture from a command: the options that say which part of it, where names come from,
// and how copied stacks are walked. Every command that reads a file uses this.
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

struct InputArguments {
  input::Options input;
  symbolizer::Options naming;
  std::string unwinder = "table";
  bool raw = false;  // leave addresses without names
};

void add_input_options(CLI::App& command, InputArguments& arguments);

// Fails when a file or folder that names are to come from is not there.
Status check_places(const symbolizer::Options& naming);

// Reads, unwinds and, unless `raw`, names. Errors say which file and what to do.
Result<Profile> open_named(const std::string& path, const InputArguments& arguments);

}  // namespace pgflame::cli
