#include <memory>

#include <CLI/CLI.hpp>

#include "src/cli/commands.h"
#include "src/cli/finish.h"
#include "src/cli/input_options.h"
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
  add_input_options(command, arguments.input);
  add_naming_options(command, arguments.naming);
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
