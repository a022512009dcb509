#include "src/postgres/wait_events.h"

#include <algorithm>
#include <functional>

#include <doctest/doctest.h>

namespace pgflame::postgres {

TEST_SUITE("postgres") {
  TEST_CASE("a wait event has the name that its own major gives it") {
    struct Case {
      int major;
      uint32_t info;
      std::string_view kind;
      std::string_view name;
    };
    for (const Case& c : {Case{13, 0x09000001, "Timeout", "PgSleep"},
                          Case{15, 0x09000002, "Timeout", "PgSleep"},
                          Case{19, 0x09000003, "Timeout", "PgSleep"},
                          Case{15, 0x03000005, "Lock", "transactionid"},
                          Case{0, 0x03000005, "Lock", "transactionid"},
                          Case{15, 0x06000000, "Client", "ClientRead"},
                          Case{15, 0x01000004, "LWLock", "ProcArray"},
                          Case{0, 0x01000004, "LWLock", ""},
                          Case{15, 0x01000000 | 74, "LWLock", "PgStatsData"},
                          Case{15, 0x01000000 | 75, "LWLock", "extension 75"},
                          Case{15, 0x01000000 | 4242, "LWLock", "extension 4242"},
                          Case{18, 0x07000000, "Extension", "Extension"},
                          Case{18, 0x07000001, "Extension", "1"},
                          Case{16, 0x07000001, "Extension", ""},
                          Case{18, 0x0b000002, "InjectionPoint", "2"},
                          Case{16, 0x04000000, "BufferPin", "BufferPin"},
                          Case{19, 0x04000000, "Buffer", "BufferCleanup"},
                          Case{19, 0x04000001, "Buffer", "BufferExclusive"},
                          Case{15, 0, "", ""},
                          Case{99, 0x09000001, "Timeout", ""},
                          Case{15, 0xffffffff, "", ""}}) {
      CAPTURE(c.info);
      CHECK(wait_event_class(c.major, c.info) == c.kind);
      const std::string name = wait_event_name(c.major, c.info);
      CHECK(name == c.name);
      CHECK(is_registered_wait(c.major, c.info) == (name.find_first_of("0123456789") != name.npos));
    }
  }

  TEST_CASE("the events of all majors are listed once, each with a class that exists") {
    const std::vector<std::string_view>& classes = wait_event_classes();
    const std::vector<std::string>& events = wait_events();
    CHECK(std::ranges::adjacent_find(events, std::greater_equal{}) == events.end());
    for (const char* event : {"Timeout:PgSleep",
                              "IO:WALSync",
                              "IO:WalSync",
                              "BufferPin:BufferPin",
                              "Buffer:BufferShared"})
      CHECK(std::ranges::binary_search(events, event));
    for (const std::string& event : events) {
      CAPTURE(event);
      CHECK(std::ranges::find(classes, event.substr(0, event.find(':'))) != classes.end());
    }
  }
}

}  // namespace pgflame::postgres
