#include <memory>

#include <CLI/CLI.hpp>

#include "src/cli/commands.h"
#include "src/cli/finish.h"
#include "src/cli/terminal.h"
#include "src/input/input.h"
#include "symbolizer/unwind/offline.h"

namespace pgflame::cli {
namespace {

struct ReportArguments {
  std::string file;
  input::Options input;
  symbolizer::Options naming;
  std::string unwinder = "table";
  OutputOptions output;
};

Unwinder make_unwinder(const ReportArguments& arguments) {
  const unwind::FileOptions files{arguments.naming.symfs, arguments.naming.binaries};
  return arguments.unwinder == "dwfl" ? unwind::dwfl_unwinder(files)
                                      : unwind::table_unwinder(files);
}

Result<ExitCode> report(ReportArguments& arguments) {
  const std::string base =
      arguments.output.base.empty() ? base_name_for(arguments.file) : arguments.output.base;
  const Status writable = check_writable(base + ".svg", arguments.output.overwrite());
  if (!writable) return fail(Error(writable.error()));
  arguments.input.unwind = make_unwinder(arguments);
  auto opened = input::open(arguments.file, arguments.input);
  if (!opened) return fail(std::move(opened).error());
  arguments.naming.cache_dir = cache_folder();
  Profile profile = with_names(std::move(opened->profile), arguments.naming);
  return finish(profile, {arguments.output, base, false});
}

void add_options(CLI::App& command, ReportArguments& arguments) {
  command
      .add_option("file",
                  arguments.file,
                  "perf.data, perf script text, folded stacks, pprof or a pgflame SVG; - for stdin")
      ->required();
  command.add_option("--event", arguments.input.event, "Which event of the file to report");
  command.add_option("--pid", arguments.input.pids, "Only these processes")->delimiter(',');
  command.add_option("--comm", arguments.input.comms, "Only processes of this name")
      ->delimiter(',');
  command.add_option(
      "--time", arguments.input.time, "Only from A to B: seconds or wall-clock, A,B");
  command.add_flag("--exclude-idle", arguments.input.exclude_idle, "Leave idle samples out");
  command.add_option("--symfs", arguments.naming.symfs, "Look for binaries below this folder");
  command.add_option("--debug-dir", arguments.naming.debug_dirs, "Look for debug files here first");
  command.add_option("--binary", arguments.naming.binaries, "A binary to take names from");
  command
      .add_option("--unwinder",
                  arguments.unwinder,
                  "Walks stacks captured as dwarf dumps: table, or dwfl to compare with")
      ->check(CLI::IsMember({"table", "dwfl"}));
  add_output_options(command, arguments.output);
}

}  // namespace

void add_report_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("report", "Write the report of a capture");
  auto arguments = std::make_shared<ReportArguments>();
  add_options(*command, *arguments);
  command->callback([&invocation, arguments] {
    auto done = report(*arguments);
    invocation.exit_code = done ? *done : report_error(done.error());
  });
}

}  // namespace pgflame::cli
