// Postgres' wait events by major version.
//
// wait_event_info is class << 24 | event (src/include/utils/wait_event.h). Event numbers are
// compile-time enumerations that differ between majors; the table holds majors 13 to 19 as the
// servers themselves print them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgflame::postgres {

// "LWLock", "Lock", "BufferPin" ("Buffer" from 19), "Activity", "Client", "Extension", "IPC",
// "Timeout", "IO"; "" for 0 (not waiting) and for classes that do not exist.
std::string_view wait_event_class(int major, uint32_t info);

// "BufferMapping", "transactionid", "DataFileRead"... What was registered at run time goes by the
// server's number: "extension 95" is an LWLock tranche, "1" an event of Extension or
// InjectionPoint. "" when not waiting or unknown. `major` 0: the newest major that is known is
// assumed only for classes whose numbers never changed (Lock), else "".
std::string wait_event_name(int major, uint32_t info);

// Whether it was registered at run time, so that only the running server knows its name.
bool is_registered_wait(int major, uint32_t info);

// The classes that wait_event_class knows, of all majors.
const std::vector<std::string_view>& wait_event_classes();

// "IO:DataFileRead": every event that some major has a number for, once each. Lock tranches, events
// of extensions and injection points can have other names besides.
const std::vector<std::string>& wait_events();

}  // namespace pgflame::postgres
