// Walks stacks that were captured as registers and stack memory (perf record --call-graph dwarf),
// with tables compiled from the modules' files.
//
// The functions returned serve one profile: they remember its modules and mappings by id. They may
// be copied, but not called from two threads at once.
#pragma once

#include "src/profile/user_stack.h"
#include "symbolizer/unwind/module_tables.h"

namespace pgflame::unwind {

// About 2 µs per stack (tests/bench/offline_unwind.py). Ends in kNoUnwindInfo where a module's file
// is missing, is of another build, or has no information about the code. A module that has next to
// none at all is walked by frame pointers (is_bare); such stacks end in kUnknown.
Unwinder table_unwinder(const FileOptions& options);

// The same through elfutils' libdwfl, for comparison: slower, and it invents callers for code
// without unwind information.
Unwinder dwfl_unwinder(const FileOptions& options);

}  // namespace pgflame::unwind
