#include "src/postgres/wait_events.h"

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
                          Case{15, 0x01000000 | 75, "LWLock", "extension"},
                          Case{15, 0x01000000 | 4242, "LWLock", "extension"},
                          Case{16, 0x04000000, "BufferPin", "BufferPin"},
                          Case{19, 0x04000000, "Buffer", "BufferCleanup"},
                          Case{19, 0x04000001, "Buffer", "BufferExclusive"},
                          Case{15, 0, "", ""},
                          Case{99, 0x09000001, "Timeout", ""},
                          Case{15, 0xffffffff, "", ""}}) {
      CAPTURE(c.info);
      CHECK(wait_event_class(c.major, c.info) == c.kind);
      CHECK(wait_event_name(c.major, c.info) == c.name);
    }
  }
}

}  // namespace pgflame::postgres
