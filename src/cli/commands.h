// One function per subcommand: adds it to the application and, when the user chose it, runs it and
// stores its exit code.
#pragma once

#include <string>

#include "src/cli/exit_code.h"
#include "src/cli/output.h"

namespace CLI {
class App;
}

namespace pgflame::cli {

// This run of the program.
struct Invocation {
  std::string command_line;  // as it may be shown in a report
  ExitCode exit_code = ExitCode::kDone;
};

void add_record_command(CLI::App& app, Invocation& invocation);
void add_report_command(CLI::App& app, Invocation& invocation);
void add_convert_command(CLI::App& app, Invocation& invocation);
void add_explain_command(CLI::App& app, Invocation& invocation);
void add_rules_command(CLI::App& app, Invocation& invocation);
void add_check_command(CLI::App& app, Invocation& invocation);
void add_audit_command(CLI::App& app, Invocation& invocation);
void add_diff_command(CLI::App& app, Invocation& invocation);
void add_symbols_command(CLI::App& app, Invocation& invocation);

// The options of OutputOptions.
void add_output_options(CLI::App& command, OutputOptions& options);

}  // namespace pgflame::cli
