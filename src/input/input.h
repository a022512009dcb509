// Opens a capture somebody else made: any supported format, recognised by content.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/profile/module_files.h"
#include "src/profile/profile.h"
#include "src/profile/user_stack.h"

namespace pgflame::input {

enum class Format { kPerfData, kPprof, kPerfScript, kFolded, kSvg, kBpftrace };

// Walks the user part of a stack from registers and copied stack memory (perf record --call-graph
// dwarf). Lives in symbolizer/unwind, which this folder does not know; the CLI connects the two.
using pgflame::Unwinder;
using pgflame::UserDump;
using pgflame::UserStack;

struct Options {
  std::string event;               // empty: the one that means CPU time
  std::vector<int32_t> pids;       // empty: all
  std::vector<std::string> comms;  // empty: all
  std::string time;                // "A,B" as typed by the user; empty: all
  bool exclude_idle = false;
  // Where the format tells them; rows are then as many as samples, up to
  // SampleTable::kMaxTimedRows.
  bool keep_microseconds = false;
  // Filled, while the capture is read, with what it says of files without build-id; may be null.
  std::shared_ptr<ModuleFiles> files;
  std::string temporary_folder =
      "/var/tmp";   // for what does not stay in memory; /tmp often is memory
  Unwinder unwind;  // empty: dwarf dumps end in StackEnd::kNoStack
};

struct Opened {
  Format format = Format::kPerfData;
  Profile profile;  // locations unnamed where the format has addresses only
  std::vector<std::string>
      events;  // all events of the file; profile.recording.event is the used one
};

// The filters as they were typed, "--comm psql --time 0,5"; empty without any.
std::string filters_of(const Options& options);

// `path` may be "-" for standard input.
Result<Opened> open(const std::string& path, const Options& options);

}  // namespace pgflame::input
