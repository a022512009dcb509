// The second half of every command that ends in a report: names, diagnosis, files, summary.
#pragma once

#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/cli/exit_code.h"
#include "src/cli/nothing_sampled.h"
#include "src/cli/output.h"
#include "src/diagnose/diagnose.h"
#include "src/profile/profile.h"
#include "symbolizer/symbolizer.h"

namespace pgflame::cli {

// What is worked out once for each build of a program is kept in $XDG_CACHE_HOME/pgflame or
// ~/.cache/pgflame. Empty without a home.
std::string cache_folder();

// Adds what the environment says about naming: the cache, and debuginfod, which is asked when
// DEBUGINFOD_URLS is set, and only then.
symbolizer::Options in_this_environment(symbolizer::Options options);

// Names the profile and what its processes are; what is missing becomes notes of the recording.
Profile with_names(Profile profile, const symbolizer::Options& options);

struct Finish {
  OutputOptions output;
  std::string base;               // path of the report without ".svg"
  Origin origin = Origin::kFile;  // what was recorded is also saved, as base.pb.gz
  diagnose::Options diagnose;
};

// Diagnoses, writes the files, prints the summary.
Result<ExitCode> finish(const Profile& profile, const Finish& finish);

}  // namespace pgflame::cli
