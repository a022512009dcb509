// What the module offers that is linked with libbpfcc. The program loads it only on hosts where
// programs have to be compiled, and needs no libbpfcc otherwise.
#pragma once

namespace pgflame::bcc {

struct Request {
  const char* definitions;  // in place of "defined_by_user_space.h"
  const char* directory;    // the function `image`, which names all others
  int image;                // file that gets the instructions of `image` and what follows them
};

// Whether it compiled. Says on the standard error output why not, and leaves memory behind: to be
// called in a process of its own.
using Compile = bool (*)(const Request& request);

inline constexpr const char* kModuleName = "pgflame_bcc.so";
inline constexpr const char* kCompile = "pgflame_bcc_compile";

}  // namespace pgflame::bcc
