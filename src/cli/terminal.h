// Everything pgflame says on the terminal goes through here.
#pragma once

#include <string_view>

#include "src/base/error.h"
#include "src/cli/exit_code.h"

namespace pgflame::cli {

// Standard output: what the user asked for.
void print(std::string_view text);

// Standard output, byte for byte: a file that the user redirects.
Status print_bytes(std::string_view bytes);

// Standard error: a line about what is going on.
void note(std::string_view text);

// Standard error: "pgflame: sentence: cause" and "hint: ...". Returns the exit code that fits.
ExitCode report_error(const Error& error);

// Control characters of names from outside must not reach the terminal.
std::string printable(std::string_view text);

}  // namespace pgflame::cli
