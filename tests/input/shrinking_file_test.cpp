// Captures that are cut short by somebody else while they are read.
#include <cstring>
#include <string>

#include <sys/mman.h>

#include <doctest/doctest.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/input/input.h"
#include "tests/support/perf_data_writer.h"

using namespace pgflame;
using testing::kUserMarker;
using testing::PerfDataWriter;

namespace {

constexpr uint64_t kSamples = 200'000;
constexpr uint64_t kReturn = 0x400200;

// Far larger than what is decoded ahead of the walk. Without times, samples are walked as they
// come.
std::string capture_with_dumps() {
  PerfDataWriter writer;
  writer.map(0, 10, 0x400000, 0x1000, "/bin/postgres");
  for (uint64_t i = 0; i < kSamples; ++i)
    writer.sample_with_dump(0, 10, {0x400100, 0x7000}, {kReturn, 0, 0, 0});
  return writer.file();
}

FileHandle file_with(const std::string& bytes) {
  FileHandle file(::memfd_create("capture", MFD_CLOEXEC));
  REQUIRE(::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  return file;
}

std::string path_of(const FileHandle& file) {
  return "/proc/self/fd/" + std::to_string(file.get());
}

}  // namespace

TEST_SUITE("input") {
  TEST_CASE("a file that shrinks while it is read gives what was there, and says so") {
    const std::string bytes = capture_with_dumps();
    for (const size_t left : {size_t{8192}, size_t{8195}, bytes.size() - 100'000}) {
      CAPTURE(left);
      const FileHandle file = file_with(bytes);
      uint64_t walked = 0;
      uint64_t zeros = 0;
      input::Options options;
      options.unwind = [&](const Profile&, const AddressSpace&, const UserDump& dump) {
        if (walked++ == 0) REQUIRE(::ftruncate(file.get(), static_cast<off_t>(left)) == 0);
        uint64_t word = 0;
        // A record that is cut while it is decoded may come without its stack.
        if (dump.stack.size() >= sizeof word) std::memcpy(&word, dump.stack.data(), sizeof word);
        if (word == 0) ++zeros;
        return UserStack{{0x400100}, StackEnd::kRoot};
      };
      const auto opened = input::open(path_of(file), options);
      REQUIRE(opened);
      CHECK(opened->profile.recording.truncated_input);
      // One record may have been cut while it was decoded.
      CHECK(account(opened->profile).captured - walked <= 1);
      CHECK(walked < kSamples);
      CHECK(walked > left / 200);
      uint64_t complete = 0;
      for (const Sample& sample : opened->profile.samples)
        complete += sample.end == StackEnd::kRoot ? sample.count : 0;
      // The rest of the last page that is left is zeros, and reading it is no error yet.
      const uint64_t in_a_page = 4096 * kSamples / bytes.size() + 1;
      if (left > bytes.size() / 2) CHECK(complete > 0);
      CHECK(complete <= walked - zeros + (left % 4096 == 0 ? 0 : in_a_page));
    }
  }

  TEST_CASE("a file with more bytes behind its records is whole") {
    PerfDataWriter writer;
    for (uint64_t i = 0; i < 100; ++i)
      writer.sample(1000 + i, 10, {kUserMarker, 0x400100});
    const FileHandle file = file_with(writer.file());
    const auto whole = input::open(path_of(file), {});
    REQUIRE(whole);
    CHECK_FALSE(whole->profile.recording.truncated_input);
    REQUIRE(::lseek(file.get(), 0, SEEK_END) > 0);
    REQUIRE(::write(file.get(), "more", 4) == 4);
    const auto grown = input::open(path_of(file), {});
    REQUIRE(grown);
    CHECK(account(grown->profile).captured == 100);
    CHECK_FALSE(grown->profile.recording.truncated_input);
  }
}
