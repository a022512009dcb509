#include <memory>

#include <CLI/CLI.hpp>

#include "src/cli/commands.h"
#include "src/cli/finish.h"
#include "src/cli/input_options.h"
#include "src/cli/output.h"
#include "src/cli/terminal.h"
#include "src/convert/convert.h"
#include "src/input/input.h"

namespace pgflame::cli {
namespace {

struct ConvertArguments {
  std::string file;
  std::string to;
  std::string output = "-";
  bool force = false;
  bool raw = false;
  input::Options input;
  symbolizer::Options naming;
};

Result<ExitCode> run_convert(ConvertArguments& arguments) {
  const auto target = convert::parse_target(arguments.to);
  if (!target) {
    return fail(ErrorKind::kUsage, "unknown format '" + arguments.to + "'", "see --help");
  }
  const Overwrite overwrite = arguments.force ? Overwrite::kAllow : Overwrite::kRefuse;
  if (arguments.output != "-") {
    const Status writable = check_writable(arguments.output, overwrite);
    if (!writable) return fail(Error(writable.error()));
  }
  auto opened = input::open(arguments.file, arguments.input);
  if (!opened) return fail(std::move(opened).error());
  arguments.naming.cache_dir = cache_folder();
  const Profile profile = arguments.raw ? std::move(opened->profile)
                                        : with_names(std::move(opened->profile), arguments.naming);
  const std::string text = convert::convert(profile, *target);
  if (arguments.output == "-") {
    const Status written = print_bytes(text);
    if (!written) return fail(Error(written.error()));
    return ExitCode::kDone;
  }
  const Status written = write_file_atomically(arguments.output, text, overwrite);
  if (!written) return fail(Error(written.error()));
  return ExitCode::kDone;
}

}  // namespace

void add_convert_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("convert", "Write a capture in another tool's format");
  auto arguments = std::make_shared<ConvertArguments>();
  command->add_option("file", arguments->file, "Any capture that report reads; - for stdin")
      ->required();
  command->add_option("--to", arguments->to, "folded, pprof, perf-script, speedscope or json")
      ->required();
  command->add_option("-o,--output", arguments->output, "File to write; - for stdout");
  command->add_flag("--force", arguments->force, "Overwrite an existing file");
  command->add_flag("--raw", arguments->raw, "Leave addresses without names");
  add_input_options(*command, arguments->input);
  add_naming_options(*command, arguments->naming);
  command->callback([&invocation, arguments] {
    auto done = run_convert(*arguments);
    invocation.exit_code = done ? *done : report_error(done.error());
  });
}

}  // namespace pgflame::cli
