#include "src/cli/open_input.h"

#include <cstdlib>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "src/base/large_memory.h"
#include "src/cli/finish.h"
#include "src/cli/nothing_sampled.h"
#include "symbolizer/running_kernel.h"
#include "symbolizer/unwind/offline.h"

namespace pgflame::cli {
namespace {

std::string hint_for(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kCorrupt:
    case ErrorKind::kUnsupported:
      return "pgflame reads perf.data, perf script text, folded stacks, pprof and its own SVGs";
    case ErrorKind::kNotFound:
      return "check the path";
    default:
      return {};
  }
}

Status check_place(const std::string& option, const std::string& path, bool folder) {
  std::error_code ignored;
  const bool found = folder ? std::filesystem::is_directory(path, ignored)
                            : std::filesystem::is_regular_file(path, ignored);
  if (found) return {};
  return fail(ErrorKind::kNotFound,
              fmt::format("{} {}: there is no such {}", option, path, folder ? "folder" : "file"),
              "check the path");
}

}  // namespace

Status check_places(const symbolizer::Options& naming) {
  Status status;
  if (!naming.symfs.empty()) status = check_place("--symfs", naming.symfs, true);
  for (const std::string& path : naming.debug_dirs)
    if (status) status = check_place("--debug-dir", path, true);
  for (const std::string& path : naming.binaries)
    if (status) status = check_place("--binary", path, false);
  return status;
}

void add_input_options(CLI::App& command, InputArguments& arguments) {
  command.add_option("--event", arguments.input.event, "Only samples of this event of the file");
  command.add_option("--pid", arguments.input.pids, "Only these processes")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--comm", arguments.input.comms, "Only processes of this name")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--time",
                     arguments.input.time,
                     "Only from A to B: A,B in seconds since the start, or wall-clock in UTC");
  command.add_flag("--exclude-idle", arguments.input.exclude_idle, "Leave idle samples out");
  command.add_option("--symfs", arguments.naming.symfs, "Look for binaries below this folder");
  command.add_option("--debug-dir", arguments.naming.debug_dirs, "Look for debug files here first")
      ->allow_extra_args(false);
  command.add_option("--binary", arguments.naming.binaries, "A binary to take names from")
      ->allow_extra_args(false);
  command
      .add_option("--unwinder",
                  arguments.unwinder,
                  "Walks stacks captured as dwarf dumps: table, or dwfl to compare with")
      ->check(CLI::IsMember({"table", "dwfl"}))
      ->capture_default_str();
}

Result<Profile> open_named(const std::string& path, const InputArguments& arguments) {
  keep_freed_memory();
  if (Status found = check_places(arguments.naming); !found) return fail(std::move(found).error());
  const auto mapped = std::make_shared<ModuleFiles>();
  const unwind::FileOptions files{
      arguments.naming.symfs, arguments.naming.binaries, cache_folder(), mapped};
  input::Options options = arguments.input;
  options.files = mapped;
  options.unwind =
      arguments.unwinder == "dwfl" ? unwind::dwfl_unwinder(files) : unwind::table_unwinder(files);
  symbolizer::Options naming = arguments.naming;
  if (!arguments.raw && symbolizer::mentions_running_kernel(path))
    naming.kernel = std::make_shared<symbolizer::RunningKernel>(cache_folder());
  const char* folder = std::getenv("TMPDIR");
  if (folder != nullptr && *folder != '\0') options.temporary_folder = folder;
  auto opened = input::open(path, options);
  if (!opened) {
    Error error = std::move(opened).error();
    if (error.hint.empty()) error.hint = hint_for(error.kind);
    return fail(std::move(error));
  }
  if (auto nothing = nothing_left(opened->profile, options)) return fail(std::move(*nothing));
  if (arguments.raw) return std::move(opened->profile);
  naming = in_this_environment(std::move(naming));
  naming.files = mapped;
  return with_names(std::move(opened->profile), naming);
}

}  // namespace pgflame::cli
