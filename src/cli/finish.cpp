#include "src/cli/finish.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <future>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/diagnose_options.h"
#include "src/cli/hidden_kernel.h"
#include "src/cli/nothing_sampled.h"
#include "src/cli/redaction_key.h"
#include "src/cli/terminal.h"
#include "src/diagnose/diagnose.h"
#include "src/diagnose/plan_view.h"
#include "src/postgres/backend_types.h"
#include "src/profile/pprof.h"
#include "src/report/redact.h"
#include "src/report/report.h"
#include "symbolizer/debuginfod.h"

namespace pgflame::cli {
namespace {

// What is known of the right file and of those that were not used.
std::string files_note(const symbolizer::MissingSymbols& missing) {
  std::vector<std::string> parts = missing.rejected;
  if (!missing.build_id.empty()) {
    parts.insert(parts.begin(),
                 (parts.empty() ? "build-id " : "wanted: build-id ") + missing.build_id);
  } else if (!parts.empty()) {
    parts.insert(parts.begin(), "the capture has no build-id of it");
  }
  return parts.empty() ? "" : fmt::format(" ({})", fmt::join(parts, "; "));
}

std::string missing_note(const symbolizer::MissingSymbols& missing) {
  std::string text = fmt::format("{} without names in {}: {}",
                                 counted(missing.samples, "sample"),
                                 missing.module.empty() ? "code without a file" : missing.module,
                                 explain(missing.reason));
  text += files_note(missing);
  // Of another build today's package is another one too.
  const bool other_build =
      missing.reason == Unnamed::kBuildIdMismatch || missing.reason == Unnamed::kModuleGone;
  if (other_build) text += "; give the file that was running (--binary, --symfs)";
  const bool without_id = missing.build_id.empty() && !missing.rejected.empty();
  if (without_id) text += ", or record without -B or with --buildid-mmap";
  if (!missing.package.empty() && !without_id)
    text += fmt::format("{} {}{}",
                        other_build ? " or install" : "; install",
                        missing.package,
                        other_build ? " of the same version" : "");
  return text;
}

// Writes contents when the user asked for that form.
Status write_extra(const std::string& path, const std::string& contents, Overwrite overwrite) {
  if (path.empty()) return {};
  if (path == "-") {
    print(contents);
    return {};
  }
  return write_file_atomically(path, contents, overwrite);
}

// Of the report.
size_t most_bytes(const OutputOptions& output) {
  return output.embed_all ? kAnySize : report::Options{}.most_bytes;
}

// The profile is packed while it is diagnosed and drawn.
std::shared_future<std::string> start_packing(const Profile& profile, const OutputOptions& output) {
  if (!output.embed_profile) return {};
  return std::async(std::launch::async, report::packed, std::cref(profile), most_bytes(output))
      .share();
}

// Starts what is drawn whatever the diagnosis says.
report::Options page_options(const OutputOptions& output,
                             std::shared_future<std::string> packed,
                             const diagnose::Analysis& analysis) {
  report::Options page;
  page.embed_profile = output.embed_profile;
  page.most_bytes = most_bytes(output);
  page.packed = std::move(packed);
  page.series = analysis.series();
  page.plan =
      std::async(std::launch::async, [&analysis] { return diagnose::plan_view(analysis); }).share();
  page.trees = report::start_trees(analysis.profile(), page.series, page.plan);
  return page;
}

bool below(char grade, const std::string& strict) {
  return !strict.empty() && grade > strict.front();
}

Result<ExitCode> write_all(const Profile& profile, const Finish& finish) {
  const Overwrite overwrite = finish.output.overwrite();
  std::string files;
  std::string capture;
  bool rescued = false;
  if (finish.origin == Origin::kRecording) {
    const std::string path = finish.base + ".pb.gz";
    auto saved = write_or_rescue(path, write_pprof(profile), overwrite);
    if (!saved) return fail(std::move(saved).error());
    rescued = *saved != path;
    capture = *saved;
    files = "capture: " + capture + "\n";
  }
  const diagnose::Selection& selection = finish.diagnose.selection;
  const Profile part = selection.everything() ? Profile{} : selected_part(profile, selection);
  const Profile& drawn = selection.everything() ? profile : part;
  if (drawn.samples.empty())
    return fail(ErrorKind::kNoSamples,
                "no sample is of " + selection.describe(),
                capture.empty()
                    ? "the report of the whole capture lists its queries, databases and users"
                    : "the capture was saved: pgflame report " + capture);
  auto packed = start_packing(drawn, finish.output);
  const diagnose::Analysis analysis(drawn, finish.diagnose.book(), selection);
  const report::Options page = page_options(finish.output, std::move(packed), analysis);
  const diagnose::Diagnosis diagnosis = diagnose::diagnose(analysis, finish.diagnose);
  const std::string path = finish.base + ".svg";
  auto svg = write_or_rescue(path, report::to_svg(drawn, diagnosis, page), overwrite);
  if (!svg) return fail(std::move(svg).error());
  rescued = rescued || *svg != path;
  files = "report:  " + *svg + "\n" + files;
  const bool to_stdout = finish.output.markdown == "-" || finish.output.json == "-";
  if (!to_stdout) print(report::to_terminal(profile, diagnosis) + files);
  const std::string markdown =
      finish.output.markdown.empty() ? "" : report::to_markdown(profile, diagnosis);
  if (Status done = write_extra(finish.output.markdown, markdown, overwrite); !done) {
    return fail(std::move(done).error());
  }
  const std::string json = finish.output.json.empty() ? "" : report::to_json(profile, diagnosis);
  if (Status done = write_extra(finish.output.json, json, overwrite); !done) {
    return fail(std::move(done).error());
  }
  if (rescued) return ExitCode::kFailed;  // complete, but not where it was asked for
  return below(diagnosis.quality.grade, finish.output.strict) ? ExitCode::kQualityTooLow
                                                              : ExitCode::kDone;
}

}  // namespace

std::string cache_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/') {
    return std::string(cache) + "/pgflame";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return std::string(home) + "/.cache/pgflame";
  }
  return {};
}

symbolizer::Options in_this_environment(symbolizer::Options options) {
  options.cache_dir = cache_folder();
  const char* urls = std::getenv("DEBUGINFOD_URLS");
  if (urls == nullptr || *urls == '\0') return options;
  auto debuginfod = symbolizer::Debuginfod::open({});
  if (debuginfod) {
    options.debuginfod = std::move(*debuginfod);
  } else {
    note(debuginfod.error().what + "; " + debuginfod.error().hint);
  }
  return options;
}

Profile with_names(Profile profile, const symbolizer::Options& options) {
  symbolizer::Named named = symbolizer::name(std::move(profile), options);
  auto& notes = named.profile.recording.notes;
  // A capture that was reported before may say so already.
  const auto add = [&notes](std::string text) {
    if (std::ranges::find(notes, text) == notes.end()) notes.push_back(std::move(text));
  };
  for (std::string& text : named.notes) {
    note(text);
    add(std::move(text));
  }
  constexpr size_t kMostNotes = 5;
  for (size_t i = 0; i < std::min(kMostNotes, named.missing.size()); ++i)
    add(missing_note(named.missing[i]));
  if (options.this_host) {
    if (std::string hidden = hidden_kernel_note(named.profile); !hidden.empty())
      add(std::move(hidden));
  }
  postgres::fill_in_backend_types(named.profile);
  return std::move(named.profile);
}

Result<ExitCode> finish(const Profile& profile, const Finish& finish) {
  const bool any =
      std::ranges::any_of(profile.samples, [](const Sample& s) { return s.count > 0; });
  if (!any) return fail(nothing_sampled(profile, finish.origin));
  if (!finish.output.redact) return write_all(profile, finish);
  const auto key = redaction_key();
  if (!key) return fail(Error(key.error()));
  // What was selected by name has another name from here on.
  Finish redacted = finish;
  diagnose::Selection& selection = redacted.diagnose.selection;
  const auto rename = [&key](std::string_view prefix, std::string& name) {
    if (!name.empty()) name = report::pseudonym(prefix, name, *key);
  };
  rename("db", selection.database);
  rename("user", selection.user);
  rename("app", selection.application);
  return write_all(report::redact(profile, *key), redacted);
}

}  // namespace pgflame::cli
