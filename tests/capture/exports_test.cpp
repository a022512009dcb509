#include <set>

#include <doctest/doctest.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/capture/elf_exports.h"
#include "src/capture/tag_layout.h"

using namespace pgflame;
using namespace pgflame::capture;

TEST_SUITE("capture") {
  TEST_CASE("exports and load bias of this process's C library match what the loader did") {
    const auto maps = read_file("/proc/self/maps");
    REQUIRE(maps);
    uint64_t start = 0;
    uint64_t offset = 0;
    std::string path;
    size_t at = 0;
    while ((at = maps->find("/libc.so.6", at)) != std::string::npos) {
      const size_t begin = maps->rfind('\n', at) + 1;
      const std::string line = maps->substr(begin, maps->find('\n', at) - begin);
      at += 1;
      if (line.find("r-xp") == std::string::npos) continue;
      start = std::stoull(line, nullptr, 16);
      offset = std::stoull(line.substr(line.find("r-xp") + 5), nullptr, 16);
      path = line.substr(line.find('/'));
    }
    REQUIRE_FALSE(path.empty());
    const auto image = MappedFile::open(path);
    REQUIRE(image);
    const std::string_view names[] = {"getpid", "no_such_function_anywhere"};
    const auto values = find_exports(image->bytes(), names);
    CHECK(values[1] == 0);
    const auto bias = load_bias(image->bytes(), start, offset);
    REQUIRE(bias);
    CHECK(values[0] + *bias == reinterpret_cast<uint64_t>(&::getpid));
  }

  TEST_CASE("cut images export nothing and never read past their end") {
    const auto image = MappedFile::open("/proc/self/exe");
    REQUIRE(image);
    const std::string_view names[] = {"getpid"};
    for (const size_t size : {size_t{0}, size_t{3}, size_t{64}, size_t{500}, size_t{4096}}) {
      CAPTURE(size);
      CHECK(find_exports(image->bytes().first(size), names)[0] == 0);
      load_bias(image->bytes().first(size), 0x1000, 0);
    }
  }

  TEST_CASE("the exported names prove the major version") {
    std::set<std::string_view> names = {"MyProc", "MyProcPid"};
    const auto major = [&] {
      return major_from_exports([&](std::string_view name) { return names.contains(name); });
    };
    CHECK(major() == 13);
    names.insert("my_wait_event_info");
    CHECK(major() == 14);
    names.insert("XLogPrefetcherReadRecord");
    CHECK(major() == 15);
    names.insert({"MyClientConnectionInfo", "MyBackendId"});
    CHECK(major() == 16);
    names.erase("MyBackendId");
    CHECK(major() == 0);  // neither: nothing we know
    names.insert("MyProcNumber");
    CHECK(major() == 17);
    names.insert({"pgaio_ctl", "NamedLWLockTrancheArray"});
    CHECK(major() == 18);
    names.erase("NamedLWLockTrancheArray");
    CHECK(major() == 19);
    names.erase("MyProc");
    CHECK(major() == 0);
  }

  TEST_CASE("session states moved by one in version 18") {
    CHECK(session_state(15, 1) == SessionState::kIdle);
    CHECK(session_state(15, 2) == SessionState::kActive);
    CHECK(session_state(17, 5) == SessionState::kIdleInTransaction);
    CHECK(session_state(18, 2) == SessionState::kIdle);
    CHECK(session_state(18, 3) == SessionState::kActive);
    CHECK(session_state(18, 0) == SessionState::kUnknown);
  }

  TEST_CASE("variables that code loads are found by their address relative to the instruction") {
    const std::vector<uint8_t> code = {
        0xf3, 0x0f, 0x1e, 0xfa,                    // endbr64
        0x48, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00,  // mov rax, [rip+0x10]
        0x4c, 0x8b, 0x3d, 0xf0, 0xff, 0xff, 0xff,  // mov r15, [rip-0x10]
        0x8b, 0x05, 0x10, 0x00, 0x00, 0x00,        // mov eax, [rip+0x10]: half a pointer
        0x48, 0x8b, 0x05, 0x10,                    // cut short
    };
    const std::vector<uint64_t> expected = {0x1000 + 11 + 0x10, 0x1000 + 18 - 0x10};
    CHECK(loaded_globals(code, 0x1000) == expected);
    CHECK(loaded_globals({}, 0x1000).empty());
  }

  TEST_CASE("memory that is not there cannot be read") {
    uint64_t value = 0;
    const uint64_t here = 42;
    const auto to = std::as_writable_bytes(std::span(&value, 1));
    CHECK(read_memory(::getpid(), reinterpret_cast<uint64_t>(&here), to));
    CHECK(value == 42);
    CHECK_FALSE(read_memory(::getpid(), 8, to));
    CHECK_FALSE(read_memory(INT32_MAX, reinterpret_cast<uint64_t>(&here), to));
  }
}
