// pgflame explain and pgflame rules: what is known, without any samples.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "src/cli/commands.h"
#include "src/cli/diagnose_options.h"
#include "src/cli/terminal.h"
#include "src/diagnose/explain.h"

namespace pgflame::cli {
namespace {

struct ExplainArguments {
  std::string topic;
  int major = 0;
  std::string rules_file;
};

Result<ExitCode> explain(const ExplainArguments& arguments) {
  auto book = read_rules(arguments.rules_file);
  if (!book) return fail(std::move(book).error());
  auto page = diagnose::explain_topic(arguments.topic, *book, arguments.major);
  if (!page) return fail(std::move(page).error());
  print(*page);
  return ExitCode::kDone;
}

Result<ExitCode> check_rules(const std::string& file) {
  const auto book = read_rules(file);
  if (!book) return fail(Error(book.error()));
  print(fmt::format("{}: fine; {} rules with the built-in ones\n", file, book->rules().size()));
  return ExitCode::kDone;
}

}  // namespace

void add_explain_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("explain", "Print what is known about a pattern, wait event or function");
  auto arguments = std::make_shared<ExplainArguments>();
  command->add_option("topic", arguments->topic, "DEFORM, WALWrite, ExecHashJoin, ...")->required();
  command->add_option("--major", arguments->major, "PostgreSQL's major version")
      ->check(CLI::Range(9, 99));
  command->add_option("--rules", arguments->rules_file, "A TOML file with more patterns");
  command->callback([&invocation, arguments] {
    auto done = explain(*arguments);
    invocation.exit_code = done ? *done : report_error(done.error());
  });
}

void add_rules_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("rules", "List the patterns, or check a file of more");
  command->require_subcommand(1);
  command->footer(
      "A rules file is TOML with [[rule]] tables: id, title, area, frames = [\"exact\",\n"
      "\"prefix*\"], under, within, calls, calls_within, not_under, leaf, takes, includes,\n"
      "waits, means, do, confirm, refute; see src/diagnose/rules/README.md and the built-in files "
      "beside it.");
  CLI::App* list = command->add_subcommand("list", "Name all patterns");
  list->callback([] { print(diagnose::list_rules(diagnose::RuleBook::builtin())); });
  CLI::App* check = command->add_subcommand("check", "Say whether a rules file can be used");
  auto file = std::make_shared<std::string>();
  check->add_option("file", *file, "The rules file")->required();
  check->callback([&invocation, file] {
    auto done = check_rules(*file);
    invocation.exit_code = done ? *done : report_error(done.error());
  });
}

}  // namespace pgflame::cli
