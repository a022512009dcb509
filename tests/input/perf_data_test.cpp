#include <algorithm>
#include <array>
#include <string>
#include <thread>

#include <sys/mman.h>
#include <sys/sysmacros.h>

#include <doctest/doctest.h>
#include <unistd.h>

#include "src/convert/convert.h"
#include "src/input/input.h"
#include "src/input/sample_table.h"
#include "src/input/spill.h"
#include "tests/support/perf_data_writer.h"

using namespace pgflame;
using testing::kKernelMarker;
using testing::kUserMarker;
using testing::PerfDataWriter;

namespace {

Result<input::Opened> open_bytes(std::string_view bytes, const input::Options& options = {}) {
  const int fd = ::memfd_create("capture", 0);
  REQUIRE(fd >= 0);
  REQUIRE(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  auto opened = input::open("/proc/self/fd/" + std::to_string(fd), options);
  ::close(fd);
  return opened;
}

std::string folded(const Result<input::Opened>& opened) {
  if (!opened) return "error: " + opened.error().what;
  return convert::convert(opened->profile, convert::Target::kFolded).value();
}

uint64_t loss(const Result<input::Opened>& opened, Loss cause) {
  return opened->profile.recording.losses[static_cast<size_t>(cause)];
}

void write_fork_scene(PerfDataWriter& writer) {
  writer.comm(0, 10, "postgres");
  writer.map(0, 10, 0x400000, 0x1000, "/bin/postgres");
  writer.fork(100, 10, 11);
  writer.sample(200, 11, {kKernelMarker, 0xffffffff81000010, kUserMarker, 0x400100, 0x400201});
  writer.map(250, 11, 0x400000, 0x1000, "/lib/loaded.so");
  writer.sample(300, 11, {kUserMarker, 0x400100});
  writer.sample(300, 10, {kUserMarker, 0x400100});
  writer.comm(400, 11, "sh", true);
  writer.sample(450, 11, {kKernelMarker, 0xffffffff81000020, kUserMarker, 0x400100});
  writer.sample(500, 11, {kUserMarker, 0x400100});
}

constexpr const char* kForkScene =
    "postgres;loaded.so+0x100 1\n"
    "postgres;postgres+0x100 1\n"
    "postgres;postgres+0x200;postgres+0x100;[kernel]+0xffffffff81000010 1\n"
    "sh;0x400100 1\n"
    "sh;loaded.so+0x100;[kernel]+0xffffffff81000020 1\n";

}  // namespace

TEST_SUITE("input") {
  TEST_CASE("samples whose event cannot be told are counted and not taken for another's") {
    auto stream = input::ByteStream::open(PGFLAME_SOURCE_DIR
                                          "/tests/golden/input/format-three-events.perf.data.zst");
    REQUIRE(stream);
    auto bytes = input::read_whole(*stream, 1 << 30, "/tmp");
    REQUIRE(bytes);
    const auto word = [&](size_t at) -> uint64_t& {
      return *reinterpret_cast<uint64_t*>(bytes->data() + at);
    };
    const auto open_lie = [&](const input::Options& options = {}) {
      return open_bytes({reinterpret_cast<const char*>(bytes->data()), bytes->size()}, options);
    };
    const auto honest = open_lie();
    REQUIRE(honest);
    const uint64_t all = account(honest->profile).captured + loss(honest, Loss::kFiltered);
    const size_t size_of_event = word(16);
    const size_t events = word(24);
    word(events + size_of_event - 8) = uint64_t{1} << 60;  // bytes of the first event's ids
    const auto opened = open_lie();
    REQUIRE(opened);
    const uint64_t unknown = loss(opened, Loss::kBadRecord);
    CHECK(unknown > 0);
    CHECK(account(opened->profile).captured + loss(opened, Loss::kFiltered) + unknown == all);
    const auto& notes = opened->profile.recording.notes;
    CHECK(std::ranges::any_of(notes, [](const std::string& note) {
      return note.find("of events that the capture does not describe") != std::string::npos;
    }));
    input::Options other;
    other.event = opened->events[1];
    CHECK(account(open_lie(other)->profile).captured > 0);
    CHECK(honest->events == opened->events);
  }

  TEST_CASE("what comes through a pipe is spilled, and refused when it is too large") {
    const std::string large(size_t{40} << 20, ' ');
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    std::jthread writer([&] {
      size_t done = 0;
      for (ssize_t got = 1; got > 0 && done < large.size(); done += static_cast<size_t>(got))
        got = ::write(ends[1], large.data() + done, large.size() - done);
      ::close(ends[1]);
    });
    auto stream = input::ByteStream::open("/proc/self/fd/" + std::to_string(ends[0]));
    REQUIRE(stream);
    uint64_t limit = 1 << 30;
    SUBCASE("all of it") {
      const auto bytes = input::read_whole(*stream, limit, "/tmp");
      REQUIRE(bytes);
      CHECK(bytes->size() == large.size());
      CHECK(bytes->back() == ' ');
    }
    SUBCASE("too much") {
      limit = size_t{20} << 20;
      const auto refused = input::spill(*stream, limit, "/tmp");
      REQUIRE_FALSE(refused);
      CHECK(refused.error().what == "the input is larger than 20 MiB, unpacked");
      CHECK(input::read_whole(*stream, UINT64_MAX, "/tmp"));  // lets the writer end
    }
    ::close(ends[0]);
  }

  TEST_CASE("forked children inherit name and mappings, a program drops them when it starts") {
    PerfDataWriter writer;
    write_fork_scene(writer);
    CHECK(folded(open_bytes(writer.file())) == kForkScene);
  }

  TEST_CASE("code in no file is called JIT code only beside a library that makes code") {
    const auto kind_of_code = [](bool jit_first, bool library, bool data = false) {
      PerfDataWriter writer;
      writer.comm(0, 10, "postgres");
      if (jit_first) writer.map(0, 10, 0x400000, 0x1000, "//anon", data);
      if (library) writer.map(0, 10, 0x800000, 0x1000, "/usr/lib/postgresql/15/lib/llvmjit.so");
      if (!jit_first) writer.map(0, 10, 0x400000, 0x1000, "//anon");
      writer.fork(100, 10, 11);
      writer.sample(200, 11, {kUserMarker, 0x400100});
      const auto opened = open_bytes(writer.file());
      REQUIRE(opened);
      const Profile& profile = opened->profile;
      const Location& location = profile.locations[LocationId{0}];
      return profile.modules[profile.mappings[location.mapping].module].kind;
    };
    CHECK(kind_of_code(true, false) == ModuleKind::kAnonymous);
    CHECK(kind_of_code(true, true) == ModuleKind::kJit);
    CHECK(kind_of_code(false, true) == ModuleKind::kJit);
    CHECK(kind_of_code(true, true, true) == ModuleKind::kAnonymous);
  }

  TEST_CASE("captures of the other byte order read the same") {
    PerfDataWriter writer(true);
    write_fork_scene(writer);
    const auto opened = open_bytes(writer.file());
    CHECK(folded(opened) == kForkScene);
    REQUIRE(opened.has_value());
    CHECK(account(opened->profile).weight == 5000);
  }

  TEST_CASE("records count by their time, not by their place in the file") {
    PerfDataWriter writer;
    writer.comm(0, 10, "postgres");
    writer.sample(300, 10, {kUserMarker, 0x400100});
    writer.finished_round();
    writer.map(200, 10, 0x400000, 0x1000, "/bin/late");
    writer.sample(100, 10, {kUserMarker, 0x400100});
    writer.finished_round();
    CHECK(folded(open_bytes(writer.file())) == "postgres;0x400100 1\npostgres;late+0x100 1\n");
  }

  TEST_CASE("records without a time count from where they stand") {
    PerfDataWriter writer;
    writer.comm(0, 10, "first");
    writer.sample(0, 10, {kUserMarker, 0x400100});
    writer.comm(0, 10, "second");
    writer.sample(200, 10, {kUserMarker, 0x400200});
    writer.sample(0, 10, {kUserMarker, 0x400300});
    writer.map(0, 10, 0x400000, 0x1000, "/bin/late");
    writer.sample(0, 10, {kUserMarker, 0x400400});
    writer.comm(100, 10, "third");
    CHECK(folded(open_bytes(writer.file())) ==
          "first;0x400100 1\nsecond;0x400300 1\nsecond;late+0x400 1\nthird;late+0x200 1\n");
  }

  TEST_CASE("a call chain that follows later is put behind its kernel part") {
    constexpr uint64_t kDeferred = static_cast<uint64_t>(-640);
    constexpr uint32_t kDeferredRecord = 22;
    PerfDataWriter writer;
    writer.comm(0, 10, "postgres");
    writer.map(0, 10, 0x400000, 0x1000, "/bin/postgres");
    writer.sample(100, 10, {kKernelMarker, 0xffffffff81000010, kDeferred, 77});
    writer.sample(110, 10, {kKernelMarker, 0xffffffff81000020, kDeferred, 77});
    writer.sample(120, 10, {kKernelMarker, 0xffffffff81000030, kDeferred, 78});
    writer.record(kDeferredRecord, 2, {77, 2, kUserMarker, 0x400100}, 130, 10);
    const auto opened = open_bytes(writer.file());
    CHECK(folded(opened) ==
          "postgres;[kernel]+0xffffffff81000030 1\n"
          "postgres;postgres+0x100;[kernel]+0xffffffff81000010 1\n"
          "postgres;postgres+0x100;[kernel]+0xffffffff81000020 1\n");
    REQUIRE(opened.has_value());
    size_t without_stack = 0;
    for (const Sample& sample : opened->profile.samples)
      without_stack += sample.end == StackEnd::kNoStack ? 1 : 0;
    CHECK(without_stack == 1);
  }

  TEST_CASE("what was lost is counted") {
    PerfDataWriter writer;
    writer.sample(100, 10, {kUserMarker, 0x400100});
    writer.record(2, 0, {1, 40}, 110, 10);      // LOST
    writer.record(13, 0, {2}, 120, 10);         // LOST_SAMPLES
    writer.record(5, 0, {130, 1, 1}, 130, 10);  // THROTTLE
    writer.record(4711, 0, {1, 2}, 140, 10);    // of a kernel to come
    writer.record(200, 0, {1, 2}, 140, 10);
    const auto opened = open_bytes(writer.file());
    REQUIRE(opened.has_value());
    CHECK(loss(opened, Loss::kRingFull) == 42);
    CHECK(loss(opened, Loss::kThrottled) == 1);
    CHECK(account(opened->profile).captured == 1);
  }

  TEST_CASE("what was lost at another time than is asked for is not counted") {
    PerfDataWriter writer;
    const auto at = [](uint64_t second) { return second * 1'000'000'000; };
    writer.sample(at(100), 10, {kUserMarker, 0x400100});
    writer.sample(at(101), 10, {kUserMarker, 0x400100});
    writer.record(2, 0, {1, 40}, at(102), 10);          // LOST
    writer.record(13, 0, {2}, at(102), 10);             // LOST_SAMPLES
    writer.record(5, 0, {at(102), 1, 1}, at(102), 10);  // THROTTLE
    writer.record(2, 0, {1, 7}, 0, 10);                 // LOST, nobody knows when
    writer.sample(at(103), 10, {kUserMarker, 0x400100});
    const auto lost = [&](const char* time) {
      input::Options options;
      options.time = time;
      const auto opened = open_bytes(writer.file(), options);
      return std::pair(loss(opened, Loss::kRingFull), loss(opened, Loss::kThrottled));
    };
    CHECK(lost("") == std::pair<uint64_t, uint64_t>(49, 1));
    CHECK(lost("0,1.5") == std::pair<uint64_t, uint64_t>(7, 0));
    CHECK(lost("1.5,4") == std::pair<uint64_t, uint64_t>(49, 1));
  }

  TEST_CASE("losses beyond what the CPUs can have had are not believed, and a note says so") {
    for (const uint64_t claim : {uint64_t{1} << 63, UINT64_MAX, uint64_t{1} << 50}) {
      CAPTURE(claim);
      PerfDataWriter writer;
      writer.sample(100, 10, {kUserMarker, 0x400100});
      writer.record(2, 0, {1, claim}, 110, 10);
      writer.record(2, 0, {1, claim}, 115, 10);
      writer.record(13, 0, {claim}, 120, 10);
      writer.record(13, 1U << 15U, {claim}, 125, 10);  // by a filter
      writer.sample(2'000'000'000, 10, {kUserMarker, 0x400100});
      const auto opened = open_bytes(writer.file());
      REQUIRE(opened.has_value());
      CHECK(loss(opened, Loss::kRingFull) == 0);
      CHECK(loss(opened, Loss::kFiltered) == 0);
      const auto& notes = opened->profile.recording.notes;
      REQUIRE(notes.size() == 2);
      CHECK(notes[0].find("samples lost, more than its CPUs can have had") != std::string::npos);
      CHECK(notes[1].find("rejected by the recorder's filter") != std::string::npos);
    }
  }

  TEST_CASE("a chain longer than its record is a broken record") {
    PerfDataWriter writer;
    writer.sample(100, 10, {kUserMarker, 0x400100});
    std::string bytes = writer.file();
    const std::string good = bytes;
    const size_t count_at = bytes.size() - 2 * 8 - 8;  // in front of the chain's two words
    REQUIRE(bytes[count_at] == 2);
    bytes[count_at + 7] = 0x10;
    const auto opened = open_bytes(bytes);
    REQUIRE(opened.has_value());
    CHECK(opened->profile.samples.empty());
    CHECK(loss(opened, Loss::kBadRecord) == 1);
    CHECK(loss(open_bytes(good), Loss::kBadRecord) == 0);
  }

  TEST_CASE("a file cut anywhere gives what it holds and says so") {
    PerfDataWriter writer;
    write_fork_scene(writer);
    const size_t end_of_records = writer.file().size();
    writer.build_id("/bin/postgres", "0123456789abcdef0123");
    writer.clock(1'700'000'000'000'000'000, 100);
    const std::string whole = writer.file();
    for (size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      const auto opened = open_bytes(std::string_view(whole).substr(0, size));
      if (!opened) {
        CHECK(size < 104 + 144);
        CHECK_FALSE(opened.error().what.empty());
        continue;
      }
      CHECK(opened->profile.recording.truncated_input);
      CHECK(account(opened->profile).captured <= (size < end_of_records ? 4 : 5));
    }
  }

  TEST_CASE("no flipped bit of a small capture breaks an invariant") {
    PerfDataWriter writer;
    write_fork_scene(writer);
    const std::string whole = writer.file();
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
      std::string damaged = whole;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      const auto opened = open_bytes(damaged);
      if (!opened) continue;
      CAPTURE(bit);
      CHECK(account(opened->profile).captured <= 5);
    }
  }

  TEST_CASE("filters by process, name and time leave a count behind") {
    PerfDataWriter writer;
    write_fork_scene(writer);
    writer.sample(3'000'000'500, 10, {kUserMarker, 0x400100});
    input::Options options;
    uint64_t kept = 0;
    SUBCASE("pid") {
      options.pids = {10};
      kept = 2;
    }
    SUBCASE("comm") {
      options.comms = {"sh"};
      kept = 2;
    }
    SUBCASE("time") {
      options.time = "2,4";
      kept = 1;
    }
    const auto opened = open_bytes(writer.file(), options);
    REQUIRE(opened.has_value());
    CHECK(account(opened->profile).captured == kept);
    CHECK(loss(opened, Loss::kFiltered) == 6 - kept);
  }

  TEST_CASE("who walks copied stacks knows the builds that the header tells") {
    for (const bool swapped : {false, true}) {
      CAPTURE(swapped);
      PerfDataWriter writer(swapped);
      writer.map(0, 10, 0x400000, 0x1000, "/bin/postgres");
      writer.map(0, 10, 0x500000, 0x1000, "/lib/other.so");
      writer.sample_with_dump(100, 10, {0x400100, 0x7000}, {0x400200});
      writer.sample_with_dump(200, 10, {0x500100, 0x7000}, {0x400200});
      writer.build_id("/bin/postgres", "\x12\x34\xab");
      std::vector<std::string> builds;
      input::Options options;
      options.unwind =
          [&](const Profile& profile, const AddressSpace& space, const UserDump& dump) {
            REQUIRE(dump.registers.size() == 2);
            REQUIRE(dump.stack.size() == 8);
            const uint64_t pc = dump.registers[0];
            builds.push_back(profile.modules[profile.mappings[space.find(pc)].module].build_id);
            return UserStack{{pc}, StackEnd::kRoot};
          };
      const auto opened = open_bytes(writer.file(), options);
      REQUIRE(opened);
      CHECK(builds == std::vector<std::string>{"1234ab", ""});
      CHECK(opened->profile.modules.size() == 2);
    }
  }

  TEST_CASE("a file without build-id is known by the numbers that its mapping tells") {
    PerfDataWriter writer;
    const uint64_t device = 8 | uint64_t{3} << 32;  // major, minor
    const uint64_t name = 0x0000'782f'6e69'622f;    // "/bin/x"
    const uint64_t protection = 5;                  // readable, executable
    writer.record(
        10, 2, {10 | uint64_t{10} << 32, 0x400000, 0x1000, 0, device, 77, 0, protection, name});
    writer.sample(100, 10, {kUserMarker, 0x400100});
    input::Options options;
    options.files = std::make_shared<ModuleFiles>();
    const auto opened = open_bytes(writer.file(), options);
    REQUIRE(opened);
    const ModuleId module{0};
    REQUIRE(opened->profile.modules[module].path == "/bin/x");
    const ModuleFile* file = options.files->of(module);
    REQUIRE(file != nullptr);
    CHECK(file->inode == 77);
    CHECK(file->device == makedev(8, 3));
  }

  TEST_CASE("the wall clock of the first sample, and none where the clocks cannot be") {
    constexpr uint64_t kWall = 1'795'000'000'000'000'000;
    for (const bool swapped : {false, true}) {
      CAPTURE(swapped);
      PerfDataWriter writer(swapped);
      writer.sample(5000, 10, {kUserMarker, 0x400100});
      writer.sample(9000, 10, {kUserMarker, 0x400100});
      writer.clock(kWall, 2000);
      const auto opened = open_bytes(writer.file());
      REQUIRE(opened);
      CHECK(opened->profile.recording.start_unix_ns == int64_t{kWall + 3000});
      CHECK(opened->profile.recording.duration_ns == 4000);
      input::Options options;
      options.time = "@1795000000.000005,";
      const auto later = open_bytes(writer.file(), options);
      REQUIRE(later);
      CHECK(account(later->profile).captured == 1);
    }
    for (const uint64_t wall : {uint64_t{1}, uint64_t{1} << 63, UINT64_MAX}) {
      CAPTURE(wall);
      PerfDataWriter writer;
      writer.sample(uint64_t{1} << 63, 10, {kUserMarker, 0x400100});
      writer.sample(uint64_t{5} << 61, 10, {kUserMarker, 0x400100});
      writer.clock(wall, 0x7000000000000000);
      for (const char* time : {"", "0,1", "@1,@2"}) {
        input::Options options;
        options.time = time;
        const auto opened = open_bytes(writer.file(), options);
        REQUIRE(opened);
        CHECK(opened->profile.recording.start_unix_ns >= 0);
        CHECK(opened->profile.recording.duration_ns >= 0);
      }
    }
  }

  TEST_CASE("an event the file does not have is named with those it has") {
    PerfDataWriter writer;
    writer.sample(100, 10, {kUserMarker, 0x400100});
    input::Options options;
    options.event = "cycles";
    const auto opened = open_bytes(writer.file(), options);
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().kind == ErrorKind::kUsage);
    CHECK(opened.error().hint.find("cpu-clock") != std::string::npos);
  }

  TEST_CASE("samples are one row per stack, tags and second, whatever order they come in") {
    input::SampleTable table;
    Sample sample;
    sample.backend = BackendId{0};
    sample.count = 1;
    sample.weight = 10;
    for (const uint32_t second : {5U, 4U, 5U, 4U, 6U, 5U}) {
      for (const uint32_t stack : {9U, 2U}) {
        sample.stack = StackId{stack};
        sample.second = second;
        table.add(sample);
      }
    }
    const std::vector<Sample> rows = std::move(table).take();
    REQUIRE(rows.size() == 6);
    const std::array<uint64_t, 6> counts{2, 3, 1, 2, 3, 1};
    for (size_t i = 0; i < rows.size(); ++i) {
      CAPTURE(i);
      CHECK(rows[i].stack.value == (i < 3 ? 2U : 9U));
      CHECK(rows[i].second == 4 + i % 3);
      CHECK(rows[i].count == counts[i]);
      CHECK(rows[i].weight == 10 * counts[i]);
    }
  }

  TEST_CASE("long captures keep their rows bounded by merging seconds") {
    constexpr size_t kMaxRows = 100;
    input::SampleTable table(kMaxRows);
    Sample sample;
    sample.backend = BackendId{0};
    sample.count = 1;
    sample.weight = 10;
    constexpr uint32_t kSeconds = 5000;
    for (sample.second = 0; sample.second < kSeconds; ++sample.second) {
      for (const uint32_t stack : {1U, 2U, 3U}) {
        sample.stack = StackId{stack};
        table.add(sample);
      }
    }
    CHECK(table.resolution() > 1);
    const std::vector<Sample> rows = std::move(table).take();
    CHECK(rows.size() <= kMaxRows);
    uint64_t count = 0;
    for (const Sample& row : rows)
      count += row.count;
    CHECK(count == uint64_t{kSeconds} * 3);
  }
}
