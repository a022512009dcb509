// pgflame diff: what changed between two captures.
#include <memory>

#include <CLI/CLI.hpp>

#include "src/base/file.h"
#include "src/cli/commands.h"
#include "src/cli/diagnose_options.h"
#include "src/cli/open_input.h"
#include "src/cli/output.h"
#include "src/cli/terminal.h"
#include "src/diagnose/difference.h"
#include "src/report/report.h"

namespace pgflame::cli {
namespace {

struct DiffArguments {
  std::string before;
  std::string after;
  std::string markdown = "-";
  std::string json;
  std::string svg;
  OutputOptions output;
  InputArguments open;
  DiagnoseOptions diagnose;
};

Status write(const std::string& path, const std::string& text, bool force) {
  if (path.empty()) return {};
  if (path == "-") {
    print(text);
    return {};
  }
  return write_file_atomically(path, text, force ? Overwrite::kAllow : Overwrite::kRefuse);
}

Result<ExitCode> diff(DiffArguments& arguments) {
  if (const Status done = complete(arguments.diagnose); !done) return fail(Error(done.error()));
  if (arguments.svg.empty() && !arguments.output.base.empty())
    arguments.svg = base_of(arguments.output, "pgflame-diff") + ".svg";
  auto before = open_named(arguments.before, arguments.open);
  if (!before) return fail(std::move(before).error());
  auto after = open_named(arguments.after, arguments.open);
  if (!after) return fail(std::move(after).error());
  diagnose::DifferenceOptions options;
  options.selection = arguments.diagnose.selection;
  options.rules = arguments.diagnose.options().rules;
  const diagnose::Difference difference = diagnose::compare(*before, *after, options);
  if (arguments.json == "-") arguments.markdown.clear();
  const Status text = write(
      arguments.markdown, diagnose::difference_to_markdown(difference), arguments.output.force);
  if (!text) return fail(Error(text.error()));
  const Status json =
      write(arguments.json, diagnose::difference_to_json(difference), arguments.output.force);
  if (!json) return fail(Error(json.error()));
  if (!arguments.svg.empty()) {
    const std::string page = report::to_diff_svg(selected_part(*before, options.selection),
                                                 selected_part(*after, options.selection),
                                                 difference);
    const Status drawn = write(arguments.svg, page, arguments.output.force);
    if (!drawn) return fail(Error(drawn.error()));
  }
  return ExitCode::kDone;
}

}  // namespace

void add_diff_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("diff", "Say what changed between two captures");
  auto arguments = std::make_shared<DiffArguments>();
  command->add_option("before", arguments->before, "Any capture that report reads")->required();
  command->add_option("after", arguments->after, "Another one")->required();
  command->add_option("--md", arguments->markdown, "Where to write Markdown; - for stdout")
      ->capture_default_str();
  command->add_option("--json", arguments->json, "Also write JSON (- for stdout, alone)");
  CLI::Option* svg = command->add_option(
      "--svg", arguments->svg, "Also draw both graphs into this file, coloured by change");
  command
      ->add_option("-o,--output",
                   arguments->output.base,
                   "The same, as a path without extension: NAME draws into NAME.svg")
      ->excludes(svg);
  command->add_flag("--force", arguments->output.force, "Overwrite existing files");
  add_input_options(*command, arguments->open);
  add_diagnose_options(*command, arguments->diagnose);
  command->callback([&invocation, arguments] {
    auto done = diff(*arguments);
    invocation.exit_code = done ? *done : report_error(done.error());
  });
}

}  // namespace pgflame::cli
