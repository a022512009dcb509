// The command line: the only place that prints, reads the environment or decides exit codes.
#pragma once

namespace pgflame::cli {

// Exit codes: 0 done, 1 failed, 2 usage, 3 nothing was sampled, 4 quality below --strict.
int run(int argc, char** argv);

}  // namespace pgflame::cli
