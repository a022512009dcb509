#include "src/cli/open_named.h"

#include "src/cli/finish.h"
#include "src/cli/input_options.h"
#include "symbolizer/unwind/offline.h"

namespace pgflame::cli {

void add_open_options(CLI::App& command, OpenOptions& options) {
  add_input_options(command, options.input);
  add_naming_options(command, options.naming);
}

Result<Profile> open_named(const std::string& path, const OpenOptions& options) {
  OpenOptions used = options;
  used.input.unwind = unwind::table_unwinder({used.naming.symfs, used.naming.binaries});
  auto opened = input::open(path, used.input);
  if (!opened) return fail(std::move(opened).error());
  used.naming.cache_dir = cache_folder();
  return with_names(std::move(opened->profile), used.naming);
}

}  // namespace pgflame::cli
