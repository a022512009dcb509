// Names for addresses: turns a profile with bare locations into one with functions and lines.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/profile/module_files.h"
#include "src/profile/profile.h"

namespace pgflame::symbolizer {

class Debuginfod;
class RunningKernel;

struct Options {
  std::string symfs;                         // prefix for every module path
  std::vector<std::string> debug_dirs;       // searched before /usr/lib/debug
  std::vector<std::string> binaries;         // given by the user, matched by build-id, else name
  bool this_host = false;                    // captured here and now: live kernel, live processes
  bool inlines = true;                       // inlined frames where DWARF has them
  bool recover = true;                       // tier 3 and 4
  std::shared_ptr<const ModuleFiles> files;  // what was mapped, as far as known; may be null
  std::string cache_dir;                     // empty: no cache
  std::shared_ptr<Debuginfod> debuginfod;    // null: no server is asked for debug files
  std::shared_ptr<RunningKernel> kernel;     // null: its names are read when they are needed
};

// What stands between the profile and full names; the report prints it.
struct MissingSymbols {
  std::string module;
  std::string build_id;
  std::string package;  // "postgresql-15-dbgsym", empty when unknown
  Unnamed reason = Unnamed::kNamed;
  uint64_t samples = 0;  // whose leaf hangs on it
  ModuleId id;
  std::vector<std::string> rejected;  // files that were not used: "./postgres has build-id ab..."
};

struct Named {
  Profile profile;
  std::vector<MissingSymbols> missing;  // most samples first
  std::vector<std::string> notes;       // on names that nothing but the user's word speaks for
};

// Names every location that has no lines yet, or only an unnamed function.
Named name(Profile profile, const Options& options);

}  // namespace pgflame::symbolizer
