#include "src/cli/terminal.h"

#include <cerrno>
#include <cstdio>
#include <string>

#include "src/base/utf8.h"

namespace pgflame::cli {
namespace {

void write(std::FILE* stream, std::string_view text) {
  // Nothing can be done about a closed terminal or pipe.
  (void)std::fwrite(text.data(), 1, text.size(), stream);
  (void)std::fflush(stream);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string clean;
  for (const char c : valid_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    clean += (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f ? '?' : c;
  }
  return clean;
}

void print(std::string_view text) {
  write(stdout, printable(text));
}

Status print_bytes(std::string_view bytes) {
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size();
  if (!written || std::fflush(stdout) != 0) {
    return fail(system_error("cannot write to standard output", errno));
  }
  return {};
}

void note(std::string_view text) {
  write(stderr, "pgflame: " + printable(text) + "\n");
}

ExitCode report_error(const Error& error) {
  note(error.what);
  if (!error.hint.empty()) write(stderr, "hint: " + printable(error.hint) + "\n");
  return exit_code_of(error.kind);
}

}  // namespace pgflame::cli
