#include "src/diagnose/cut_stacks.h"

#include <array>
#include <string>

#include <doctest/doctest.h>

#include "src/diagnose/diagnose.h"
#include "src/profile/builder.h"

namespace pgflame::diagnose {
namespace {

// What is advised when all stacks end in a function of /opt/postgres.
std::string remedy(const char* sampler,
                   const char* unwinder,
                   StackEnd end,
                   Unnamed unnamed = Unnamed::kNamed) {
  ProfileBuilder builder;
  Recording& recording = builder.profile().recording;
  recording.sampler = sampler;
  recording.unwinder = unwinder;
  Function function;
  function.name = "ExecSeqScan";
  function.unnamed = unnamed;
  function.module = builder.module(Module{ModuleKind::kFile, "/opt/postgres", ""});
  const MappingId mapping = builder.mapping({0x1000, 0x2000, 0, function.module});
  const std::array<Line, 1> lines{Line{builder.function(function), 0}};
  Sample sample;
  sample.stack = builder.push(kEmptyStack, builder.named_location(mapping, 0x1100, lines));
  sample.end = end;
  sample.count = 1000;
  sample.weight = 1000;
  builder.add(sample);
  return diagnose(builder.profile()).quality.remedy;
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("advice about cut stacks does not lead in a circle") {
    for (const char* sampler : {"bpf", "bcc"}) {
      CAPTURE(sampler);
      CHECK(contains(remedy(sampler, "frame pointers", StackEnd::kUnknown), "without --unwind fp"));
      for (const StackEnd end : {StackEnd::kUnknown, StackEnd::kNoUnwindInfo}) {
        const std::string advice = remedy(sampler, "table", end);
        CHECK(contains(advice, "/opt/postgres"));
        CHECK(contains(advice, ".eh_frame"));
        CHECK_FALSE(contains(advice, "--unwind"));
        CHECK_FALSE(contains(advice, "--sampler"));
      }
    }
  }

  TEST_CASE("who copied the stacks already is not told to copy them") {
    const auto advice = [](StackEnd end, Unnamed unnamed) {
      return remedy("perf.data", "dwarf", end, unnamed);
    };
    for (const Unnamed reason : {Unnamed::kModuleGone, Unnamed::kBuildIdMismatch}) {
      const std::string missing = advice(StackEnd::kNoUnwindInfo, reason);
      CHECK(contains(missing, "give the postgres that was running: pgflame report --binary FILE"));
      CHECK_FALSE(contains(missing, "--call-graph"));
    }
    CHECK(contains(advice(StackEnd::kUnreadable, Unnamed::kNamed), "copy more of the stacks"));
    CHECK(
        contains(remedy("perf.data", "frame pointers", StackEnd::kUnknown), "--call-graph dwarf"));
  }

  TEST_CASE(
      "the perf sampler's copies of stacks end, those of code without tables do elsewhere too") {
    CHECK(contains(remedy("perf", "table", StackEnd::kUnreadable), "--sampler bpf"));
    CHECK(contains(remedy("perf", "table", StackEnd::kUnknown), "--sampler bpf"));
    CHECK_FALSE(contains(remedy("perf", "table", StackEnd::kNoUnwindInfo), "--sampler bpf"));
  }
}

}  // namespace pgflame::diagnose
