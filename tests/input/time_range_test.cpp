// --time on every format: which samples it keeps, and how long the rest says it took.
#include <algorithm>
#include <string>

#include <sys/mman.h>

#include <doctest/doctest.h>
#include <unistd.h>

#include "src/convert/convert.h"
#include "src/input/input.h"
#include "src/input/sample_filter.h"
#include "tests/support/perf_data_writer.h"

using namespace pgflame;
using testing::kUserMarker;
using testing::PerfDataWriter;

namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kWall = 1'795'000'000'000 * kMs;
constexpr const char* kFrame = "\t      55c7cef36fd3 ExecScan+0x1a (/usr/bin/postgres)\n\n";

Result<input::Opened> open_bytes(std::string_view bytes, const std::string& time = {}) {
  const int fd = ::memfd_create("capture", 0);
  REQUIRE(fd >= 0);
  REQUIRE(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  input::Options options;
  options.time = time;
  auto opened = input::open("/proc/self/fd/" + std::to_string(fd), options);
  ::close(fd);
  return opened;
}

// A sample every 100 ms for 3 seconds; the first one is at kWall + 250 ms.
std::string perf_data() {
  PerfDataWriter writer;
  for (uint64_t i = 0; i < 30; ++i)
    writer.sample(1'000'000'000 + i * 100 * kMs, 10, {kUserMarker, 0x400100});
  writer.clock(kWall + 250 * kMs, 1'000'000'000);
  return writer.file();
}

std::string perf_script(bool with_times = true) {
  std::string text;
  for (int i = 0; i < 30; ++i) {
    const std::string time =
        " " + std::to_string(5820 + i / 10) + "." + std::to_string(i % 10) + "00000:";
    text += "postgres  10/10 [001]" + (with_times ? time : "") + "    100 cpu-clock: \n" + kFrame;
  }
  return text;
}

std::string pprof() {
  return convert::convert(open_bytes(perf_data())->profile, convert::Target::kPprof).value();
}

uint64_t left_out(const Profile& profile) {
  return profile.recording.losses[static_cast<size_t>(Loss::kFiltered)];
}

}  // namespace

TEST_SUITE("input") {
  TEST_CASE("a part of the time starts and ends where it was asked to, as far as there is any") {
    struct {
      const char* time;
      uint64_t samples;
      int64_t start_ms;
      int64_t duration_ms;
    } const parts[] = {
        {"", 30, 0, 2900},
        {"0,0.5", 5, 0, 500},
        {"0.5,2", 15, 500, 1500},
        {"2.5,60", 5, 2500, 400},
    };
    for (const auto& part : parts) {
      CAPTURE(part.time);
      for (const std::string& capture : {perf_data(), perf_script()}) {
        const auto opened = open_bytes(capture, part.time);
        REQUIRE(opened);
        const Profile& profile = opened->profile;
        CHECK(account(profile).captured == part.samples);
        CHECK(left_out(profile) == 30 - part.samples);
        CHECK(profile.recording.duration_ns == part.duration_ms * kMs);
        if (profile.recording.start_unix_ns != 0)
          CHECK(profile.recording.start_unix_ns == kWall + (250 + part.start_ms) * kMs);
        for (const Sample& sample : profile.samples)
          CHECK(sample.second * 1000 < part.duration_ms);
      }
    }
  }

  TEST_CASE("where nothing is left, its processes and its length are known all the same") {
    const auto opened = open_bytes(perf_data(), "5,6");
    REQUIRE(opened);
    CHECK(account(opened->profile).captured == 0);
    CHECK(opened->profile.recording.duration_ns == 2900 * kMs);
    REQUIRE(opened->profile.backends.size() == 1);
    CHECK(opened->profile.backends.begin()->pid == 10);
  }

  TEST_CASE("times of day have fractions") {
    const auto seconds = input::parse_time_range("2026-11-21 05:35:00.25,2026-11-21T05:36:00.5Z");
    REQUIRE(seconds->has_value());
    CHECK((*seconds)->from == 1795239300'250'000'000);
    CHECK((*seconds)->to == 1795239360'500'000'000);
    CHECK_FALSE(input::parse_time_range("2026-11-21 05:35:00.2x,"));
    const auto opened = open_bytes(perf_data(), "@1795000001,@1795000001.5");
    REQUIRE(opened);
    CHECK(account(opened->profile).captured == 5);
    CHECK(opened->profile.recording.start_unix_ns == kWall + 1000 * kMs);
    CHECK(opened->profile.recording.duration_ns == 500 * kMs);
  }

  TEST_CASE("a time of day is that of the capture's day") {
    // kWall is 2026-11-18 11:06:40 UTC.
    struct {
      const char* time;
      uint64_t samples;
    } const parts[] = {
        {"11:06:41,11:06:42", 10},
        {"11:06,11:07", 30},
        {"11:06,", 30},
        {",11:06:41", 8},
        {"11:06:41.25Z,", 20},
        {"10:00,11:06:41 UTC", 8},
        {"23:30,11:06:41", 8},
        {"11:07,12:00", 0},
    };
    for (const auto& part : parts) {
      CAPTURE(part.time);
      const auto opened = open_bytes(perf_data(), part.time);
      REQUIRE(opened);
      CHECK(account(opened->profile).captured == part.samples);
    }
    CHECK(account(open_bytes(pprof(), "11:06:41,11:06:42")->profile).captured == 20);
    for (const char* bad : {"11:07,11:06", "11:06,11:06", "11:66,", "11:06,30", "11:06x,"}) {
      CAPTURE(bad);
      CHECK_FALSE(input::parse_time_range(bad));
    }
    const auto undated = open_bytes(perf_script(), "11:06,11:07");
    REQUIRE_FALSE(undated);
    CHECK(undated.error().what.find("time of day") != std::string::npos);
  }

  TEST_CASE("over midnight a time of day is on the day that the capture has it") {
    constexpr int64_t kHour = 3'600'000 * kMs;
    const auto range = input::parse_time_range("23:45,00:05");
    REQUIRE(range->has_value());
    const int64_t midnight = 20'000 * 24 * kHour;
    const auto of = [&](int64_t start) { return input::on_day(**range, start); };
    CHECK(of(midnight - kHour / 6).from == midnight - kHour / 4);
    CHECK(of(midnight - kHour / 6).to == midnight + kHour / 12);
    CHECK(of(midnight + kHour / 60).from == midnight - kHour / 4);
    Recording recording;
    recording.duration_ns = 25 * kHour;
    CHECK_FALSE(input::check_day(**range, recording));
  }

  TEST_CASE("where moments are whole seconds the bounds move outwards, and a note says so") {
    struct {
      const char* time;
      uint64_t samples;
      int64_t start_ms;
      int64_t duration_ms;
      const char* moved;
    } const parts[] = {
        {"1,2", 10, 1000, 1000, ""},
        {"0.5,2", 20, 0, 2000, "0,2"},
        {"@1795000001,@1795000002", 20, 0, 2000, "0,2"},
        {"1.5,", 20, 1000, 1900, "1,"},
    };
    const std::string capture = pprof();
    for (const auto& part : parts) {
      CAPTURE(part.time);
      const auto opened = open_bytes(capture, part.time);
      REQUIRE(opened);
      const Recording& recording = opened->profile.recording;
      CHECK(account(opened->profile).captured == part.samples);
      CHECK(left_out(opened->profile) == 30 - part.samples);
      CHECK(recording.start_unix_ns == kWall + (250 + part.start_ms) * kMs);
      CHECK(recording.duration_ns == part.duration_ms * kMs);
      CHECK(opened->profile.samples.front().second == 0);
      const std::string moved = std::string("--time was moved to ") + part.moved + " seconds";
      const bool noted = std::ranges::any_of(
          recording.notes, [&](const std::string& note) { return note.starts_with(moved); });
      CHECK(noted == (*part.moved != '\0'));
    }
  }

  TEST_CASE("samples without times cannot be chosen by time") {
    const std::string folded = "postgres;main 3\n";
    const std::string saved =
        convert::convert(open_bytes(folded)->profile, convert::Target::kPprof).value();
    for (const std::string& capture : {folded, perf_script(false), saved}) {
      REQUIRE(open_bytes(capture));
      const auto opened = open_bytes(capture, "0,5");
      REQUIRE_FALSE(opened);
      CHECK(opened.error().what.find("have no times") != std::string::npos);
    }
    const auto opened = open_bytes(perf_script(), "@1795000001,");
    REQUIRE_FALSE(opened);
    CHECK(opened.error().what.find("time of day") != std::string::npos);
  }
}
