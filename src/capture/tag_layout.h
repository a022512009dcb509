// Where a cluster's backends keep what they are doing, and reading it from outside.
//
// Offsets are those of PostgreSQL 13 to 19 on 64-bit Linux (src/include/utils/backend_status.h and
// src/include/storage/proc.h); PgBackendStatus has the same layout in all of them but for what was
// added at its end.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/capture/event.h"

namespace pgflame::capture {

struct TagLayout {
  int major = 0;
  // Addresses of globals, the same in every backend of the cluster; 0 when the version has none.
  uint64_t my_wait_event_info = 0;
  uint64_t my_be_entry = 0;
  uint64_t my_proc = 0;
  uint64_t debug_query_string = 0;
  uint64_t application_name = 0;
  uint64_t my_proc_port = 0;
  uint32_t proc_wait_event = 0;  // in PGPROC; used where there is no my_wait_event_info
  uint32_t entry_query_id = 0;   // in PgBackendStatus; 0 when the version has none
  friend bool operator==(const TagLayout&, const TagLayout&) = default;
};

inline constexpr uint32_t kEntryUser = 52;
inline constexpr uint32_t kEntryState = 232;
inline constexpr uint32_t kEntryApplication = 240;
inline constexpr uint32_t kEntryActivity = 248;

// The major version that a binary's exports prove; 0 when it is none that we know. `has(name)`
// says whether the name is exported.
template <typename Has>
int major_from_exports(Has&& has) {
  if (!has("MyProc") || !has("MyProcPid")) return 0;
  if (!has("my_wait_event_info")) return 13;
  if (!has("XLogPrefetcherReadRecord")) return 14;
  if (!has("MyClientConnectionInfo")) return 15;
  if (has("MyBackendId")) return 16;
  if (!has("MyProcNumber")) return 0;
  if (!has("pgaio_ctl")) return 17;
  return has("NamedLWLockTrancheArray") ? 18 : 19;
}

// The addresses of the variables that x86-64 code at `address` loads whole, as far as a look at
// each byte can tell: some may be none.
std::vector<uint64_t> loaded_globals(std::span<const uint8_t> code, uint64_t address);

// From the running postmaster's binary and maps. Nothing when the version is unknown.
std::optional<TagLayout> find_tag_layout(int32_t postmaster);

// The session states that matter here, by their number in the major version.
inline uint8_t active_state(int major) {
  return major >= 18 ? 3 : 2;
}
enum class SessionState : uint8_t { kUnknown, kIdle, kActive, kIdleInTransaction };
SessionState session_state(int major, uint8_t number);

// Reads the memory of another process; false unless all of it could be read.
bool read_memory(int32_t pid, uint64_t address, std::span<std::byte> to);

// The statement that a backend is executing; empty when it is executing none.
struct Statement {
  uint64_t query_id = 0;
  std::string text;
};
Statement statement_of(int32_t pid, const TagLayout& layout);

// application_name of the session, empty when it has none or it cannot be read.
std::string application_of(int32_t pid, const TagLayout& layout);

// The same as the BPF programs read, from outside; both checks included.
Tags read_tags(int32_t pid, int32_t namespace_pid, const TagLayout& layout);

}  // namespace pgflame::capture
