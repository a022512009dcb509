#include <memory>
#include <optional>

#include <linux/capability.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "src/base/text.h"
#include "src/capture/capture.h"
#include "src/capture/sql_text.h"
#include "src/cli/commands.h"
#include "src/cli/diagnose_options.h"
#include "src/cli/finish.h"
#include "src/cli/progress.h"
#include "src/cli/signals.h"
#include "src/cli/terminal.h"
#include "src/context/context.h"

namespace pgflame::cli {
namespace {

struct RecordArguments {
  std::vector<std::string> targets;
  std::string duration;
  capture::Options capture;
  std::string sampler = "auto";
  std::string mode;
  std::string query_text = "normalized";
  double max_cpu_percent = 1;
  std::string dsn;
  std::string unwind = "auto";
  OutputOptions output;
  DiagnoseOptions diagnose;
};

capture::SamplerChoice sampler_named(const std::string& name) {
  if (name == "bpf") return capture::SamplerChoice::kBpf;
  if (name == "bcc") return capture::SamplerChoice::kBcc;
  if (name == "perf") return capture::SamplerChoice::kPerf;
  return capture::SamplerChoice::kAuto;
}

Status complete(RecordArguments& arguments) {
  for (const std::string& word : arguments.targets) {
    for (const std::string_view target : split(word, ',')) {
      if (!trim(target).empty()) arguments.capture.targets.emplace_back(trim(target));
    }
  }
  if (arguments.capture.targets.empty()) {
    return fail(ErrorKind::kUsage,
                "-p names no target",
                "-p postgres records every PostgreSQL cluster on this host");
  }
  if (!arguments.duration.empty()) {
    auto duration = parse_duration(arguments.duration);
    if (!duration) return fail(std::move(duration).error());
    arguments.capture.duration = *duration;
  }
  arguments.capture.sampler = sampler_named(arguments.sampler);
  if (arguments.unwind == "table") arguments.capture.unwind = capture::UnwindChoice::kTable;
  if (arguments.unwind == "fp") arguments.capture.unwind = capture::UnwindChoice::kFramePointers;
  if (arguments.query_text == "none") arguments.capture.query_text = capture::QueryText::kNone;
  if (arguments.query_text == "raw") arguments.capture.query_text = capture::QueryText::kRaw;
  arguments.capture.max_cpu = arguments.max_cpu_percent / 100;
  arguments.capture.cache_dir = cache_folder();
  if (arguments.mode == "cpu") arguments.capture.mode = capture::Mode::kCpu;
  if (arguments.mode == "wall") arguments.capture.mode = capture::Mode::kWall;
  return {};
}

// Redacted files don't say in their names where they are from.
std::string default_base(bool redact) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  if (redact) return "pgflame-" + format_utc_compact(ns);
  std::string host(256, '\0');
  if (::gethostname(host.data(), host.size() - 1) != 0) host = "host";
  host.resize(host.find('\0'));
  return fmt::format("pgflame-{}-{}", host, format_utc_compact(ns));
}

context::Options questions(const RecordArguments& arguments) {
  context::Options options;
  options.dsn = arguments.dsn;
  const capture::QueryText kept = arguments.capture.query_text;
  if (kept == capture::QueryText::kNormalized) options.clean_text = capture::without_literals;
  if (kept == capture::QueryText::kRaw)
    options.clean_text = [](std::string_view text) { return std::string(text); };
  options.text_id = [](std::string_view text) {
    return capture::query_id_of_text(capture::without_literals(text));
  };
  return options;
}

// Records between two looks at the database, when there is one to look at.
Result<capture::Recorded> capture_with_context(const RecordArguments& arguments) {
  std::optional<context::Observer> observer;
  if (!arguments.dsn.empty()) observer.emplace(questions(arguments));
  Result<capture::Recorded> captured = [&] {
    ProgressLine line(arguments.capture.duration);
    return capture::record(arguments.capture, {stop_requested, [&](const auto& now) {
                                                 if (observer) observer->begin();
                                                 line.show(now);
                                               }});
  }();
  if (!captured || !observer) return captured;
  std::vector<uint64_t> ids;
  for (const Query& query : captured->profile.queries)
    ids.push_back(query.id);
  captured->profile.database = observer->finish(ids);
  return captured;
}

// The part that is asked for is the part that is recorded.
capture::Filter filter_of(const diagnose::Selection& selection) {
  capture::Filter filter;
  filter.query_id = selection.query_id;
  filter.backend_type = selection.backend_type;
  filter.database = selection.database;
  filter.user = selection.user;
  filter.application = selection.application;
  return filter;
}

// Recording gives up what it does not need; the report may have to go to another user's folder.
void keep_override(RecordArguments& arguments, const std::string& base) {
  const OutputOptions& output = arguments.output;
  for (const std::string& path : {base, output.markdown, output.json}) {
    if (path.empty() || path == "-" || !needs_override(path)) continue;
    arguments.capture.keep_capabilities = {CAP_DAC_OVERRIDE};
  }
}

Result<ExitCode> record(RecordArguments& arguments, const std::string& command_line) {
  if (Status done = complete(arguments); !done) return fail(std::move(done).error());
  if (Status done = complete(arguments.diagnose); !done) return fail(std::move(done).error());
  arguments.capture.filter = filter_of(arguments.diagnose.selection);
  const std::string base = base_of(arguments.output, default_base(arguments.output.redact));
  Status writable = check_outputs(arguments.output, base, {".svg", ".pb.gz"});
  if (!writable) return fail(std::move(writable).error());
  keep_override(arguments, base);
  catch_stop_signals();
  Result<capture::Recorded> captured = capture_with_context(arguments);
  if (!captured) return fail(std::move(captured).error());
  Profile& profile = captured->profile;
  profile.recording.command_line = command_line;
  profile.recording.version = PGFLAME_VERSION;
  symbolizer::Options naming;
  naming.this_host = true;
  naming.files = std::make_shared<const ModuleFiles>(std::move(captured->files));
  return finish(with_names(std::move(profile), in_this_environment(std::move(naming))),
                {arguments.output, base, Origin::kRecording, arguments.diagnose.options()});
}

void add_options(CLI::App& command, RecordArguments& arguments) {
  command
      .add_option("-p,--target",
                  arguments.targets,
                  "What to record: postgres (every cluster on this host), pids of postmasters or "
                  "backends, :PORT, data directories; a comma list of them")
      ->required()
      ->allow_extra_args(false);
  command.add_option("--cgroup",
                     arguments.capture.cgroup,
                     "Only clusters in this control group: a path, or a part of its name such as a "
                     "container's id");
  command.add_option(
      "duration", arguments.duration, "500ms, 60s, 5m, 1m30s; without it until Ctrl-C");
  command.add_option("-F,--frequency", arguments.capture.rate_hz, "Samples per second and CPU")
      ->check(CLI::Range(1.0, 10000.0))
      ->capture_default_str();
  command.add_option("--sampler", arguments.sampler, "auto, bpf, bcc or perf")
      ->check(CLI::IsMember({"auto", "bpf", "bcc", "perf"}))
      ->capture_default_str();
  command
      .add_option("--mode", arguments.mode, "cpu: on-CPU samples only; wall: waiting time as well")
      ->check(CLI::IsMember({"cpu", "wall"}));
  command
      .add_option("--unwind",
                  arguments.unwind,
                  "How stacks are walked: table, fp (frame pointers but for the innermost "
                  "frame: callers go missing), or auto")
      ->check(CLI::IsMember({"auto", "table", "fp"}))
      ->capture_default_str();
  command.add_option("--verify-unwind",
                     arguments.capture.verify_unwind,
                     "Walk this many stacks a second time with libdwfl and report the agreement: "
                     "samples of user code on x86-64, not with the perf sampler");
  command
      .add_option("--query-text",
                  arguments.query_text,
                  "What is stored of query texts: none, normalized (without literals), or raw")
      ->check(CLI::IsMember({"none", "normalized", "raw"}))
      ->capture_default_str();
  command
      .add_option("--max-cpu",
                  arguments.max_cpu_percent,
                  "Percent of all CPUs that recording may take: above it the rate is lowered, then "
                  "the recording ends when its whole time is used up; 0: no limit")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command.add_option("--dsn",
                     arguments.dsn,
                     "Also ask the database (libpq connection string, read-only): statements, "
                     "settings, locks, tables. Keep passwords in a password or service file");
  add_output_options(command, arguments.output);
  add_diagnose_options(command, arguments.diagnose);
}

}  // namespace

void add_record_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("record", "Sample PostgreSQL on this host, write a report");
  auto arguments = std::make_shared<RecordArguments>();
  add_options(*command, *arguments);
  command->callback([&invocation, arguments] {
    auto done = record(*arguments, invocation.command_line);
    invocation.exit_code = done ? *done : report_error(done.error());
  });
}

}  // namespace pgflame::cli
