#include "tests/support/profile_text.h"

#include <array>
#include <map>

#include "src/base/text.h"
#include "src/profile/builder.h"

namespace pgflame::testing {

Profile profile_from_folded(std::string_view folded) {
  ProfileBuilder builder;
  const ModuleId module =
      builder.module(Module{ModuleKind::kFile, "/usr/lib/postgresql/15/bin/postgres", ""});
  Backend backend;
  backend.pid = 1;
  backend.comm = "postgres";
  const BackendId only = builder.backend(backend);
  for (std::string_view line : split(folded, '\n')) {
    line = trim(line);
    const auto blank = line.rfind(' ');
    if (blank == std::string_view::npos) continue;
    Sample sample;
    sample.backend = only;
    sample.end = StackEnd::kRoot;
    sample.count = parse_u64(line.substr(blank + 1)).value();
    sample.weight = sample.count * 1'000'000;
    for (const std::string_view name : split(line.substr(0, blank), ';')) {
      Function function;
      function.name = std::string(name);
      function.module = module;
      function.tier = NameTier::kGiven;
      const std::array<Line, 1> lines{Line{builder.function(function), 0}};
      sample.stack = builder.push(sample.stack, builder.named_location({}, 0, lines));
    }
    builder.add(sample);
  }
  return std::move(builder).take();
}

Profile profile_of_two_clusters() {
  Profile profile = profile_from_folded("_start;main;ExecSeqScan;heap_getnextslot 300");
  profile.recording.has_waits = true;
  profile.clusters = {{1000, 5432, 17, "17.2", "/data/17", ""},
                      {2000, 5433, 15, "15.18 (Debian 15.18-0+deb12u1)", "/data/15", ""}};
  profile.queries = {{42, "select $1", false}};
  Backend& first = profile.backends[BackendId{0}];
  first.pid = 1001;
  first.postmaster = 1000;
  first.type = "client backend";
  first.database = first.user = "postgres";
  Backend other = first;
  other.pid = 2001;
  other.postmaster = 2000;
  Sample sample = profile.samples.front();
  sample.query_id = profile.samples.front().query_id = 42;
  sample.backend = profile.backends.add(other);
  sample.count = 100;
  sample.weight = 100'000'000;
  profile.samples.push_back(sample);
  sample.state = State::kWaiting;
  sample.wait_event = 0x0a000010;  // of class IO
  sample.count = 1;
  sample.weight = 1'000'000'000;
  profile.samples.push_back(sample);
  return profile;
}

std::string to_text(const Profile& profile) {
  std::map<std::string, uint64_t> counts;
  for (const Sample& sample : profile.samples) {
    std::string stack;
    for (const FunctionId function : functions_of(profile, sample.stack)) {
      if (!stack.empty()) stack += ';';
      stack += profile.functions[function].name;
    }
    counts[stack] += sample.count;
  }
  std::string text;
  for (const auto& [stack, count] : counts)
    text += stack + ' ' + std::to_string(count) + '\n';
  return text;
}

}  // namespace pgflame::testing
