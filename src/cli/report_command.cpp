#include <future>
#include <memory>

#include <CLI/CLI.hpp>

#include "src/cli/commands.h"
#include "src/cli/diagnose_options.h"
#include "src/cli/finish.h"
#include "src/cli/open_input.h"
#include "src/cli/terminal.h"

namespace pgflame::cli {
namespace {

struct ReportArguments {
  std::string file;
  InputArguments input;
  OutputOptions output;
  DiagnoseOptions diagnose;
};

Result<ExitCode> report(ReportArguments& arguments) {
  if (const Status done = complete(arguments.diagnose); !done) return fail(Error(done.error()));
  const std::string base = base_of(arguments.output, base_name_for(arguments.file));
  Status writable = check_outputs(arguments.output, base, {".svg"});
  if (!writable) return fail(std::move(writable).error());
  const diagnose::Options diagnose = arguments.diagnose.options();
  // The rules are parsed while the file is read.
  const std::future<void> rules = std::async(std::launch::async, [&] { diagnose.book(); });
  auto profile = open_named(arguments.file, arguments.input);
  if (!profile) return fail(std::move(profile).error());
  return finish(*profile, {arguments.output, base, Origin::kFile, diagnose});
}

}  // namespace

void add_report_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("report", "Write the report of a capture");
  auto arguments = std::make_shared<ReportArguments>();
  command
      ->add_option(
          "file",
          arguments->file,
          "perf.data, perf script text, folded stacks, pprof or a pgflame SVG; - for stdin")
      ->required();
  add_input_options(*command, arguments->input);
  add_output_options(*command, arguments->output);
  add_diagnose_options(*command, arguments->diagnose);
  command->callback([&invocation, arguments] {
    auto done = report(*arguments);
    invocation.exit_code = done ? *done : report_error(done.error());
  });
}

}  // namespace pgflame::cli
