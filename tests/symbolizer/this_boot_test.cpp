#include "src/profile/this_boot.h"

#include <filesystem>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include "src/base/file.h"
#include "symbolizer/jit_files.h"

namespace pgflame::symbolizer {
namespace {

Recording made_here() {
  const Host host = this_host();
  Recording recording;
  recording.host = host.name;
  recording.kernel = host.kernel;
  return recording;
}

TEST_SUITE_BEGIN("symbolizer");

TEST_CASE("the time of the boot is a line of /proc/stat") {
  CHECK(boot_time_of_stat("cpu 1 2 3\nctxt 5\nbtime 1795336335\nprocesses 7\n") == 1795336335);
  CHECK(boot_time_of_stat("btime 99999999999999999999\n") == 0);
  CHECK(boot_time_of_stat("xbtime 5\n") == 0);
  CHECK(this_host().booted_unix_s > 1'000'000'000);
}

TEST_CASE(
    "a capture is of this boot when host and kernel are, and its time does not say otherwise") {
  const Host host{"db1", "6.1.0-18-amd64", 1000};
  Recording recording;
  recording.host = host.name;
  recording.kernel = host.kernel;
  CHECK(is_of_this_boot(recording, host));
  recording.start_unix_ns = 1'000'000'000'000;
  CHECK(is_of_this_boot(recording, host));
  recording.start_unix_ns = 999'999'999'999;
  CHECK_FALSE(is_of_this_boot(recording, host));
  recording.start_unix_ns = 0;
  recording.kernel = "6.1.0-17-amd64";
  CHECK_FALSE(is_of_this_boot(recording, host));
  CHECK_FALSE(is_of_this_boot(Recording{}, Host{}));
}

TEST_CASE("a perf map that a process left behind names its code in a capture of this host") {
  const int32_t no_process = 2'147'000'000 + ::getpid() % 400'000;  // above all pids
  const std::string path = fmt::format("/tmp/perf-{}.map", no_process);
  REQUIRE(write_file_atomically(path, "7f0000001000 40 compiled_query\n", Overwrite::kAllow));
  Profile profile;
  profile.recording = made_here();
  auto tables = read_jit_files(profile, {}, {no_process});
  profile.recording.host += "-standby";
  const auto elsewhere = read_jit_files(profile, {}, {no_process});
  std::filesystem::remove(path);
  REQUIRE(tables[no_process].size() == 1);
  const FunctionRange* range = tables[no_process].front().find(0x7f0000001010);
  REQUIRE(range != nullptr);
  CHECK(range->name == "compiled_query");
  CHECK(elsewhere.empty());
}

TEST_SUITE_END();

}  // namespace
}  // namespace pgflame::symbolizer
