// pgflame audit: what a reader of a report or capture could learn from its strings.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "src/base/file.h"
#include "src/cli/commands.h"
#include "src/cli/open_input.h"
#include "src/cli/terminal.h"
#include "src/report/redact.h"

namespace pgflame::cli {
namespace {

struct AuditArguments {
  std::string file;
  InputArguments input;
};

Result<ExitCode> audit(const AuditArguments& arguments) {
  std::vector<report::Exposure> found;
  const bool is_svg = arguments.file.ends_with(".svg");
  if (is_svg) {
    const auto svg = read_file(arguments.file);
    if (!svg) return fail(Error(svg.error()));
    found = report::strings_in_svg(*svg);
  }
  // A report without an embedded profile has nothing but its texts.
  const auto profile = open_named(arguments.file, arguments.input);
  if (!profile && !is_svg) return fail(Error(profile.error()));
  if (profile) {
    for (report::Exposure& exposure : report::strings_in(*profile))
      found.push_back(std::move(exposure));
  }
  for (const report::Exposure& exposure : found)
    print(fmt::format("{}\t{}\n", exposure.where, printable(exposure.text)));
  return ExitCode::kDone;
}

}  // namespace

void add_audit_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("audit", "List every string in a report or capture");
  auto arguments = std::make_shared<AuditArguments>();
  arguments->input.raw = true;
  command->add_option("file", arguments->file, "Any capture or report that pgflame reads")
      ->required();
  command->callback([&invocation, arguments] {
    auto done = audit(*arguments);
    invocation.exit_code = done ? *done : report_error(done.error());
  });
}

}  // namespace pgflame::cli
