#include "src/cli/nothing_sampled.h"

#include <doctest/doctest.h>

using namespace pgflame;
using cli::nothing_left;
using cli::nothing_sampled;
using cli::Origin;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Profile all_left_out() {
  Profile profile;
  profile.recording.sampler_reason = "recorded by perf 6.1";
  profile.recording.duration_ns = 1'500'000'000;
  profile.recording.losses[static_cast<size_t>(Loss::kFiltered)] = 385;
  for (const int32_t pid : {10, 11, 12, 13, 14, 15, 16}) {
    Backend backend;
    backend.pid = pid;
    backend.comm = pid == 16 ? "psql" : "postgres";
    profile.backends.add(backend);
  }
  return profile;
}

}  // namespace

TEST_SUITE("cli") {
  TEST_CASE("where filters leave no sample, the error says what there was") {
    input::Options filters;
    filters.comms = {"nope", "nil"};
    filters.pids = {99999};
    filters.time = "5,6";
    const auto error = nothing_left(all_left_out(), filters);
    REQUIRE(error);
    CHECK(error->kind == ErrorKind::kNoSamples);
    CHECK(error->what ==
          "no sample is left by --comm nope,nil --pid 99999 --time 5,6 (385 samples left out)");
    CHECK(contains(error->hint, "postgres (pid 10, 11, 12, 13, 14, ...), psql (pid 16)"));
    CHECK(contains(error->hint, "; the capture lasts 1.5s"));
    CHECK_FALSE(nothing_left(all_left_out(), {}));
    CHECK_FALSE(nothing_left(Profile{}, filters));
    Profile nobody = all_left_out();
    nobody.backends = {};
    CHECK(nothing_left(nobody, filters)->hint == "the capture lasts 1.5s");
    Profile folded = all_left_out();  // that tells no pids
    folded.backends = {};
    for (const char* name : {"postgres", "swapper"}) {
      Backend backend;
      backend.comm = name;
      folded.backends.add(backend);
    }
    CHECK(contains(nothing_left(folded, filters)->hint, "postgres, swapper (pid 0)"));
    Profile some = all_left_out();
    some.samples.emplace_back();
    CHECK_FALSE(nothing_left(some, filters));
  }

  TEST_CASE("a file without samples is not called a recording") {
    Profile profile;
    profile.recording.sampler_reason = "recorded by perf 6.1";
    CHECK(nothing_sampled(profile, Origin::kFile).what == "the capture holds no samples");
    CHECK(contains(nothing_sampled(profile, Origin::kRecording).what, "nothing was sampled"));
    profile.recording.truncated_input = true;
    CHECK(contains(nothing_sampled(profile, Origin::kFile).what, "ends in the middle"));
    Profile others = all_left_out();
    others.recording.event.name = "cycles";
    CHECK(nothing_sampled(others, Origin::kFile).what == "the capture holds no samples of cycles");
  }
}
