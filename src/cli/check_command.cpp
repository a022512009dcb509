// pgflame check: a diagnosis as a gate.
#include <memory>

#include <CLI/CLI.hpp>

#include "src/cli/commands.h"
#include "src/cli/diagnose_options.h"
#include "src/cli/open_input.h"
#include "src/cli/terminal.h"
#include "src/diagnose/check.h"

namespace pgflame::cli {
namespace {

struct CheckArguments {
  std::string file;
  std::vector<std::string> fail_when;
  InputArguments open;
  DiagnoseOptions diagnose;
};

Result<ExitCode> check(CheckArguments& arguments) {
  if (const Status done = complete(arguments.diagnose); !done) return fail(Error(done.error()));
  const diagnose::Options options = arguments.diagnose.options();
  std::vector<diagnose::Condition> conditions;
  for (const std::string& text : arguments.fail_when) {
    auto condition = diagnose::parse_condition(text, options.book());
    if (!condition) return fail(std::move(condition).error());
    conditions.push_back(*std::move(condition));
  }
  auto profile = open_named(arguments.file, arguments.open);
  if (!profile) return fail(std::move(profile).error());
  const diagnose::Diagnosis diagnosis = diagnose::diagnose(*profile, options);
  if (diagnosis.totals.captured == 0)
    return fail(ErrorKind::kNoSamples,
                "there are no samples to check the conditions on",
                "see what the capture holds: pgflame report " + arguments.file);
  bool failed = false;
  bool told = true;
  for (const diagnose::Condition& condition : conditions) {
    const diagnose::Checked checked = diagnose::check(condition, diagnosis);
    failed = failed || checked.holds;
    told = told && checked.told;
    const char* mark = !checked.told ? "?     " : checked.holds ? "FAIL  " : "ok    ";
    print(mark + checked.sentence + "\n");
  }
  if (failed) return ExitCode::kFailed;
  return told ? ExitCode::kDone : ExitCode::kQualityTooLow;
}

}  // namespace

void add_check_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("check", "Exit 1 when a capture meets a condition, for CI and runbooks");
  auto arguments = std::make_shared<CheckArguments>();
  command->add_option("file", arguments->file, "Any capture that report reads; - for stdin")
      ->required();
  command
      ->add_option("--fail",
                   arguments->fail_when,
                   "A condition: 'PLAN>20%', 'WAIT-IO>=30%', 'unnamed>10%'; may be repeated")
      ->required()
      ->allow_extra_args(false);
  add_input_options(*command, arguments->open);
  add_diagnose_options(*command, arguments->diagnose);
  command->callback([&invocation, arguments] {
    auto done = check(*arguments);
    invocation.exit_code = done ? *done : report_error(done.error());
  });
}

}  // namespace pgflame::cli
