#include "src/cli/app.h"

#include <algorithm>
#include <exception>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "src/cli/commands.h"
#include "src/cli/terminal.h"

namespace pgflame::cli {
namespace {

// The command line as a reader of the report may see it: a connection string holds a password.
std::string shown_command_line(int argc, char** argv) {
  std::string line = "pgflame";
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    line += ' ';
    line += word.starts_with("--dsn=") ? "--dsn=..." : word;
    if (word == "--dsn" && i + 1 < argc) {
      line += " ...";
      ++i;
    }
  }
  return line;
}

constexpr std::string_view kGrades = "ABCDEF";

// The words after the program's name, last first, as the parser wants them. --strict may stand
// alone in front of a file, so the parser only takes a grade that is attached: "--strict B" becomes
// that.
std::vector<std::string> words_for_parser(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  for (size_t i = 0; i + 1 < words.size() && words[i] != "--"; ++i) {
    const std::string& next = words[i + 1];
    if (words[i] != "--strict" || next.size() != 1 ||
        kGrades.find(next[0]) == std::string_view::npos)
      continue;
    words[i] += "=" + next;
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  }
  std::ranges::reverse(words);
  return words;
}

ExitCode parse_and_run(int argc, char** argv) {
  CLI::App app{"Where PostgreSQL backends spend their time, and what to do about it.", "pgflame"};
  app.set_version_flag("--version", "pgflame " PGFLAME_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  pgflame record -p postgres 60s     every backend of every cluster on this host\n"
      "  pgflame report perf.data           a capture somebody else made");
  Invocation invocation{shown_command_line(argc, argv)};
  add_record_command(app, invocation);
  add_report_command(app, invocation);
  add_convert_command(app, invocation);
  add_diff_command(app, invocation);
  add_check_command(app, invocation);
  add_audit_command(app, invocation);
  add_explain_command(app, invocation);
  add_rules_command(app, invocation);
  add_symbols_command(app, invocation);
  const auto is_first = [&](const CLI::App* one) { return argc > 1 && one->get_name() == argv[1]; };
  const auto named = app.get_subcommands(is_first);
  const CLI::App* command = named.empty() ? nullptr : named.front();
  if (argc > 1 && command == nullptr && *argv[1] != '-') {
    return report_error({ErrorKind::kUsage,
                         fmt::format("there is no command '{}'", argv[1]),
                         "pgflame --help lists the commands"});
  }
  try {
    app.parse(words_for_parser(argc, argv));
  } catch (const CLI::Success& done) {  // --help, --version
    app.exit(done);
  } catch (const CLI::ParseError& error) {
    const std::string name = command != nullptr ? " " + command->get_name() : "";
    return report_error(
        {ErrorKind::kUsage, error.what(), fmt::format("see pgflame{} --help", name)});
  }
  return invocation.exit_code;
}

}  // namespace

void add_output_options(CLI::App& command, OutputOptions& options) {
  command.add_option("-o,--output", options.base, "Path of the files to write, without extension");
  command.add_flag("--force", options.force, "Overwrite existing files");
  command.add_option("--md", options.markdown, "Also write the report as Markdown (- for stdout)");
  command.add_option("--json", options.json, "Also write the diagnosis as JSON (- for stdout)");
  command.add_flag_callback(
      "--no-embed",
      [&options] { options.embed_profile = false; },
      "Leave the profile out of the SVG");
  command.add_flag(
      "--embed-all", options.embed_all, "Embed it also when the SVG grows beyond 2 MB");
  command.add_flag(
      "--redact",
      options.redact,
      "Replace host, cluster, database, user and application names by keyed hashes and "
      "remove query texts");
  command
      .add_flag("--strict{C}",
                options.strict,
                "Exit 4 when the quality grade (A to F) is worse than C, or than the one given")
      ->option_text("[GRADE]")
      ->check(CLI::IsMember({"A", "B", "C", "D", "E", "F"}));
}

int run(int argc, char** argv) {
  try {
    return static_cast<int>(parse_and_run(argc, argv));
  } catch (const std::bad_alloc&) {
    return static_cast<int>(report_error({ErrorKind::kSystem, "out of memory", ""}));
  } catch (const std::exception& bug) {
    return static_cast<int>(report_error({ErrorKind::kSystem,
                                          std::string("internal error: ") + bug.what(),
                                          "please report it together with the command line"}));
  }
}

}  // namespace pgflame::cli
