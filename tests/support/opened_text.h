// Captures that are text literals of a test, opened as files.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include <doctest/doctest.h>
#include <unistd.h>

#include "src/convert/convert.h"
#include "src/input/input.h"

namespace pgflame::testing {

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view contents) {
    const int fd = ::mkstemp(path_.data());
    REQUIRE(fd >= 0);
    REQUIRE(::write(fd, contents.data(), contents.size()) == static_cast<ssize_t>(contents.size()));
    ::close(fd);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/pgflame-test.XXXXXX";
};

inline Result<input::Opened> open_text(std::string_view contents,
                                       const input::Options& options = {}) {
  const TemporaryFile file(contents);
  return input::open(file.path(), options);
}

inline std::string folded_from(std::string_view contents) {
  const auto opened = open_text(contents);
  if (!opened) return "error: " + opened.error().what.substr(opened.error().what.find(": ") + 2);
  return convert::convert(opened->profile, convert::Target::kFolded).value();
}

// Two samples of the same stack.
constexpr std::string_view kScript =
    "# hostname : db1\n"
    "# ========\n"
    "postgres  4440/4440 [001]  5820.169689:    2004008 cpu-clock: \n"
    "\t      55c7cef36fd3 ExecScan+0x1a (/usr/lib/postgresql/15/bin/postgres)\n"
    "\t      7fa141472250 [unknown] (/usr/lib/x86_64-linux-gnu/libc.so.6)\n"
    "\n"
    "postgres  4440/4440 [001]  5821.271692:    2004008 cpu-clock: \n"
    "\t      55c7cef36fd3 ExecScan+0x1a (/usr/lib/postgresql/15/bin/postgres)\n"
    "\t      7fa141472250 [unknown] (/usr/lib/x86_64-linux-gnu/libc.so.6)\n"
    "\n";

}  // namespace pgflame::testing
