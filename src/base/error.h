// What went wrong, in the words the user will read.
//
// `Result<T>` says that an operation failed. Absence that is a normal answer is a std::optional,
// a broken promise of our own is an assert; the three are never mixed. Nothing below src/cli
// prints.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace pgflame {

enum class ErrorKind {
  kUsage,        // the command line or a settings file is wrong
  kPermission,   // the kernel or the file system refused
  kUnsupported,  // this host, kernel or file version cannot do it
  kNotFound,     // the named thing does not exist
  kCorrupt,      // bytes from outside are not what they claim to be
  kSystem,       // the operating system failed us (disk full, out of memory, ...)
  kNoSamples,    // everything worked and there was nothing to sample
};

struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::kSystem;
  std::string what;  // a sentence without final full stop: what failed and the cause
  std::string hint;  // one thing the user can do about it; empty if there is none

  // Says in which context the failure happened: "cannot read maps" within "pid 4242".
  Error&& within(std::string_view context) && {
    what.insert(0, ": ");
    what.insert(0, context);
    return std::move(*this);
  }
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string what, std::string hint = {}) {
  return tl::unexpected<Error>(Error{kind, std::move(what), std::move(hint)});
}

// Passes an inner failure on: `if (!maps) return fail(std::move(maps).error());`
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

// "cannot open /x: Permission denied"; kind follows from errno.
Error system_error(std::string_view action, int errno_value);

}  // namespace pgflame
