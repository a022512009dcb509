// Where reports and captures go.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "src/base/error.h"
#include "src/base/file.h"

namespace pgflame::cli {

// What all commands that write a report have in common.
struct OutputOptions {
  std::string base;  // path without extension; empty: the command's default
  bool force = false;
  std::string markdown;  // file to write it to, empty: none
  std::string json;
  bool embed_profile = true;  // the SVG carries the profile and can be opened again
  bool embed_all = false;     // also when the SVG grows beyond 2 MB
  bool redact = false;        // names replaced by keyed hashes, query texts removed
  std::string strict;         // worst acceptable grade, "A" to "F"; empty: any

  Overwrite overwrite() const { return force ? Overwrite::kAllow : Overwrite::kRefuse; }
};

// Fails early, before anything is recorded: when `path` exists (without --force), or when its
// folder does not take files.
Status check_writable(const std::string& path, Overwrite overwrite);

// The same for everything that is to be written: `base` with each extension, --md and --json.
Status check_outputs(const OutputOptions& output,
                     const std::string& base,
                     std::initializer_list<const char*> extensions);

// What -o asks for: a path whose extension is of no account, or a folder ("incidents/") to write
// `fallback` into; without -o that alone.
std::string base_of(const OutputOptions& output, const std::string& fallback);

// Whether root itself may only write there because it may write everywhere (CAP_DAC_OVERRIDE).
bool needs_override(const std::string& path);

// Writes a file that must not be lost: when its folder refuses (disk full), it goes to the first of
// /var/tmp, /tmp, /dev/shm that takes it, and the user is told. Returns the path it has.
Result<std::string> write_or_rescue(const std::string& path,
                                    std::string_view contents,
                                    Overwrite overwrite);

// "capture" for "capture.perf.data.zst", "/x/capture.pb.gz", ...; "pgflame-report" for "-".
std::string base_name_for(const std::string& input);

}  // namespace pgflame::cli
