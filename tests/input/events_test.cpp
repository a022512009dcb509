#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "src/convert/convert.h"
#include "src/input/input.h"
#include "src/profile/pprof_bytes.h"
#include "src/profile/pprof_fields.h"
#include "tests/support/opened_text.h"

using namespace pgflame;
using namespace pgflame::testing;

namespace {

// As Go's heap profiles: a sample that weighs 7, 70, ... of the types. Each type's name is its
// unit.
std::string pprof_of_types(const std::vector<std::string>& types, int64_t growth = 10) {
  using namespace pgflame::pprof;
  Bytes file;
  Bytes sample;
  Bytes part;
  int64_t value = 7;
  for (size_t i = 0; i < types.size(); ++i, value *= growth) {
    part.clear();
    part.add_number(ValueTypeField::kType, i + 1);
    part.add_number(ValueTypeField::kUnit, i + 1);
    file.add_bytes(ProfileField::kSampleType, part.view());
    sample.add_number(SampleField::kValue, value);
  }
  file.add_bytes(ProfileField::kSample, sample.view());
  file.add_bytes(ProfileField::kStringTable, "");
  for (const std::string& type : types)
    file.add_bytes(ProfileField::kStringTable, type);
  return std::string(file.view());
}

input::Options event(std::string name) {
  input::Options options;
  options.event = std::move(name);
  return options;
}

}  // namespace

TEST_SUITE("input") {
  TEST_CASE("one map of bpftrace is read, the others are counted") {
    const std::string text =
        "@calls[postgres]: 5\n@n: 9\n@on[\n    main+1\n, postgres, 31]: 7\n"
        "@h[\n    main+1\n]:\n[3]  1 |@@@|\n@off[\n    read+1\n, postgres, 31]: 8\n@off[\n    re";
    const auto opened = open_text(text);
    REQUIRE(opened.has_value());
    const Recording& recording = opened->profile.recording;
    CHECK(opened->format == input::Format::kBpftrace);
    CHECK(opened->events == std::vector<std::string>{"@calls", "@on", "@off"});
    CHECK(recording.event.name == "@on");
    CHECK(account(opened->profile).captured == 7);
    CHECK(opened->profile.backends[opened->profile.samples[0].backend].pid == 31);
    CHECK(recording.losses[static_cast<size_t>(Loss::kFiltered)] == 13);
    CHECK(recording.losses[static_cast<size_t>(Loss::kBadRecord)] == 1);
    CHECK(recording.truncated_input);
    input::Options options;
    options.event = "@off";
    CHECK(account(open_text(text, options)->profile).captured == 8);
  }

  TEST_CASE("only events that stand for time are taken for it") {
    const auto event_of = [](std::string_view name) {
      std::string text(kScript);
      for (size_t at = 0; (at = text.find("cpu-clock:", at)) != std::string::npos; ++at)
        text.replace(at, 10, std::string(name) + ":");
      return open_text(text)->profile.recording.event;
    };
    for (const char* clock : {"cpu-clock", "task-clock:u", "cycles:P", "cpu_core/cycles/"})
      CHECK(event_of(clock).is_cpu_time);
    for (const char* other :
         {"page-faults", "context-switches", "instructions:u", "sched:sched_switch"}) {
      CAPTURE(other);
      CHECK_FALSE(event_of(other).is_cpu_time);
      CHECK(event_of(other).unit == WeightUnit::kOther);
      // Saved and opened again.
      Profile profile = open_text(kScript)->profile;
      profile.recording.event = event_of(other);
      const auto saved = convert::convert(profile, convert::Target::kPprof).value();
      CHECK_FALSE(open_text(saved)->profile.recording.event.is_cpu_time);
    }
  }

  TEST_CASE("samples of other events are named with their number") {
    std::string text(kScript);
    text +=
        "postgres  4440/4440 [001]  5821.3:          1 page-faults: \n"
        "\t      55c7cef36fd3 ExecScan+0x1a (/usr/lib/postgresql/15/bin/postgres)\n\n";
    const auto opened = open_text(text);
    REQUIRE(opened.has_value());
    CHECK(account(opened->profile).captured == 2);
    REQUIRE(opened->profile.recording.notes.size() == 1);
    CHECK(opened->profile.recording.notes[0].starts_with("1 sample of page-faults is in"));
    CHECK(
        opened->profile.recording.notes[0].ends_with("report the capture with --event to see it"));
  }

  TEST_CASE("any sample type of a pprof file can be chosen") {
    const std::string heap = pprof_of_types({"objects", "space", "inuse"});
    const auto first = open_text(heap);
    REQUIRE(first.has_value());
    CHECK(first->profile.recording.event.name == "objects");
    CHECK(account(first->profile).weight == 7);
    REQUIRE(first->profile.recording.notes.size() == 1);
    CHECK(
        first->profile.recording.notes[0].starts_with("values of space, inuse are in the capture"));
    const auto space = open_text(heap, event("space"));
    REQUIRE(space.has_value());
    CHECK(space->profile.recording.event.name == "space");
    CHECK(account(space->profile).weight == 70);
    const std::string go = pprof_of_types({"wall", "cpu"});
    CHECK(account(open_text(go)->profile).weight == 70);
    CHECK(account(open_text(go, event("cpu"))->profile).weight == 70);
    CHECK(account(open_text(go, event("wall"))->profile).weight == 7);
  }

  TEST_CASE("of sample types the one that means CPU time is taken, whatever it is called") {
    const auto taken = [](const std::vector<std::string>& types, const std::string& wanted = "") {
      const auto opened = open_text(pprof_of_types(types), event(wanted));
      return opened ? opened->profile.recording.event.name : opened.error().hint;
    };
    CHECK(taken({"wall", "cycles:u", "cpu_clk"}) == "cycles:u");
    CHECK(taken({"cycles", "cpu"}) == "cpu-clock");
    CHECK(taken({"wall", "cycles:u"}, "cycles") == "cycles:u");
    CHECK(taken({"wall", "cycles", "cycles"}, "nosuch") == "its events are: wall, cycles");
    // A file that is cut before its names.
    CHECK(taken({"", ""}) == "unnamed events");
    CHECK(taken({"", ""}, "cpu") == "its events are: unnamed events");
    // In sentences and choices as far as whole characters go.
    const std::string name = "a" + std::string(150, 'b') + std::string(60, '\xc3');
    CHECK(taken({name}).size() == 200);
    std::string letters = "a";
    for (int i = 0; i < 150; ++i)
      letters += "\xc3\xa9";
    CHECK(taken({letters}).size() == 199);
    CHECK(taken({"wall", letters}, letters).size() == 199);
  }

  TEST_CASE("samples of another sample type are not counted") {
    const std::string none = pprof_of_types({"cpu", "space"}, 0);
    CHECK(account(open_text(none)->profile).captured == 1);
    CHECK(account(open_text(none, event("space"))->profile).captured == 0);
  }

  TEST_CASE("what weighs in samples keeps its weight apart from its count") {
    const auto opened = open_text(pprof_of_types({"samples"}));
    REQUIRE(opened.has_value());
    CHECK(account(opened->profile).captured == 1);
    const auto saved = convert::convert(opened->profile, convert::Target::kPprof).value();
    const auto again = open_text(saved);
    REQUIRE(again.has_value());
    CHECK(account(again->profile).captured == 1);
    CHECK(account(again->profile).weight == 7);
  }

  TEST_CASE("an event that is not in the file is refused, whatever the format") {
    const auto saved =
        convert::convert(open_text(kScript)->profile, convert::Target::kPprof).value();
    const std::pair<std::string, std::string> cases[] = {
        {std::string(kScript), "its events are: cpu-clock"},
        {saved, "its events are: cpu-clock"},
        {pprof_of_types({"objects", "space"}), "its events are: objects, space"},
        {"@on[\n    main+1\n, postgres, 31]: 7\n", "its events are: @on"},
    };
    for (const auto& [text, hint] : cases) {
      const auto opened = open_text(text, event("nosuch"));
      REQUIRE_FALSE(opened.has_value());
      CHECK(opened.error().what == "the capture has no event 'nosuch'");
      CHECK(opened.error().hint == hint);
    }
    CHECK(open_text(saved, event("cpu-clock")).has_value());
    const auto folded = open_text("main;a 3\n", event("cpu-clock"));
    REQUIRE_FALSE(folded.has_value());
    CHECK(folded.error().what.find("do not tell their event") != std::string::npos);
  }
}
