#include <memory>

#include <CLI/CLI.hpp>

#include "src/base/pieces.h"
#include "src/base/text.h"
#include "src/cli/commands.h"
#include "src/cli/open_input.h"
#include "src/cli/output.h"
#include "src/cli/terminal.h"
#include "src/convert/convert.h"
#include "src/report/describe.h"

namespace pgflame::cli {
namespace {

struct ConvertArguments {
  std::string file;
  std::string to;
  std::string output = "-";
  bool force = false;
  InputArguments input;
};

// Most formats have no room for it.
void tell_what_is_missing(const Profile& profile) {
  if (const uint64_t lost = lost_samples(profile.recording); lost > 0)
    note(counted(lost, "sample") + (lost == 1 ? " was" : " were") + " lost when this was recorded");
  for (const std::string& text : report::notes_of(profile))
    note(text);
}

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
  arguments.input.input.keep_microseconds = convert::has_moments(*target);
  auto profile = open_named(arguments.file, arguments.input);
  if (!profile) return fail(std::move(profile).error());
  const auto write = [&](const PieceSink& put) { return convert::convert(*profile, *target, put); };
  const Status written = arguments.output == "-"
                             ? write(print_bytes)
                             : write_pieces_atomically(arguments.output, write, overwrite);
  if (!written) return fail(Error(written.error()));
  tell_what_is_missing(*profile);
  return ExitCode::kDone;
}

}  // namespace

void add_convert_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("convert", "Write a capture in another tool's format");
  auto arguments = std::make_shared<ConvertArguments>();
  command->add_option("file", arguments->file, "Any capture that report reads; - for stdin")
      ->required();
  command
      ->add_option("--to", arguments->to, "folded, pprof, perf-script, speedscope, firefox or json")
      ->required();
  command->add_option("-o,--output", arguments->output, "File to write; - for stdout");
  command->add_flag("--force", arguments->force, "Overwrite an existing file");
  command->add_flag("--raw", arguments->input.raw, "Leave addresses without names");
  add_input_options(*command, arguments->input);
  command->callback([&invocation, arguments] {
    auto done = run_convert(*arguments);
    invocation.exit_code = done ? *done : report_error(done.error());
  });
}

}  // namespace pgflame::cli
