#include "src/capture/tag_layout.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include <sys/uio.h>

#include "src/base/file.h"
#include "src/capture/elf_exports.h"
#include "src/capture/proc.h"
#include "src/profile/address_space.h"

namespace pgflame::capture {
namespace {

constexpr uint32_t kProcWaitEvent13 = 684;
constexpr uint32_t kEntryQueryId = 424;  // from 14 on

constexpr std::array<std::string_view, 15> kNames = {"my_wait_event_info",
                                                     "MyBEEntry",
                                                     "MyProc",
                                                     "MyProcPid",
                                                     "XLogPrefetcherReadRecord",
                                                     "MyClientConnectionInfo",
                                                     "MyBackendId",
                                                     "MyProcNumber",
                                                     "pgaio_ctl",
                                                     "NamedLWLockTrancheArray",
                                                     "debug_query_string",
                                                     "application_name",
                                                     "MyProcPort",
                                                     "pgstat_report_xact_timestamp",
                                                     "pgstat_report_appname"};

// The part of PgBackendStatus that the tags come from.
struct StatusHead {
  int32_t changecount = 0;
  int32_t procpid = 0;
  int32_t backend_type = 0;
  uint32_t unused = 0;
  std::array<int64_t, 4> timestamps{};
  uint32_t database = 0;
  uint32_t user = 0;
};
static_assert(offsetof(StatusHead, user) == kEntryUser);

template <typename T>
bool read_value(int32_t pid, uint64_t address, T& value) {
  return read_memory(pid, address, std::as_writable_bytes(std::span(&value, 1)));
}

std::optional<uint64_t> bias_in(int32_t pid, std::span<const uint8_t> image) {
  const std::string executable = read_process_link(pid, "exe");
  const auto maps = read_file(proc_path(pid, "maps"));
  if (!maps) return std::nullopt;
  for (const MapsLine& line : parse_maps(*maps)) {
    if (!line.executable || !line.path.starts_with(executable)) continue;
    return load_bias(image, line.start, line.file_offset);
  }
  return std::nullopt;
}

// The process that MyBEEntry is not null in: any child of the postmaster but the logger and the
// collector.
std::vector<int32_t> children_of(int32_t postmaster) {
  std::vector<int32_t> children;
  for (const int32_t pid : all_pids()) {
    const auto stat = read_stat(pid);
    if (stat && stat->parent == postmaster) children.push_back(pid);
  }
  return children;
}

// 13 keeps MyBEEntry to itself, but functions that it exports load it. What is loaded is believed
// when it points to a row with the process's own pid.
uint64_t find_be_entry(int32_t postmaster, std::span<const uint64_t> functions) {
  constexpr size_t kCodeBytes = 256;
  const std::vector<int32_t> children = children_of(postmaster);
  for (const uint64_t function : functions) {
    std::array<uint8_t, kCodeBytes> code{};
    if (function == 0 || !read_value(postmaster, function, code)) continue;
    for (const uint64_t address : loaded_globals(code, function)) {
      for (const int32_t pid : children) {
        uint64_t row = 0;
        StatusHead head;
        if (read_value(pid, address, row) && row != 0 && read_value(pid, row, head) &&
            head.procpid == namespace_pid(pid)) {
          return address;
        }
      }
    }
  }
  return 0;
}

}  // namespace

std::vector<uint64_t> loaded_globals(std::span<const uint8_t> code, uint64_t address) {
  constexpr size_t kLength = 7;  // prefix, opcode, ModRM, displacement
  std::vector<uint64_t> globals;
  for (size_t at = 0; at + kLength <= code.size(); ++at) {
    const bool wide = (code[at] & 0xfbU) == 0x48;          // REX.W, perhaps with R
    const bool load = code[at + 1] == 0x8b;                // MOV r64, r/m64
    const bool relative = (code[at + 2] & 0xc7U) == 0x05;  // [RIP + disp32]
    if (!wide || !load || !relative) continue;
    int32_t displacement = 0;
    std::memcpy(&displacement, &code[at + 3], sizeof(displacement));
    globals.push_back(address + at + kLength + static_cast<uint64_t>(int64_t{displacement}));
  }
  return globals;
}

std::optional<TagLayout> find_tag_layout(int32_t postmaster) {
  const auto binary = MappedFile::open(proc_path(postmaster, "exe"));
  if (!binary) return std::nullopt;
  const auto values = find_exports(binary->bytes(), kNames);
  const auto value_of = [&](std::string_view name) {
    for (size_t i = 0; i < kNames.size(); ++i) {
      if (kNames[i] == name) return values[i];
    }
    return uint64_t{0};
  };
  TagLayout layout;
  layout.major = major_from_exports([&](std::string_view name) { return value_of(name) != 0; });
  const auto bias = bias_in(postmaster, binary->bytes());
  if (layout.major == 0 || !bias) return std::nullopt;
  const auto address_of = [&](std::string_view name) {
    const uint64_t value = value_of(name);
    return value == 0 ? 0 : value + *bias;
  };
  layout.my_wait_event_info = address_of("my_wait_event_info");
  layout.my_be_entry = address_of("MyBEEntry");
  layout.my_proc = address_of("MyProc");
  layout.debug_query_string = address_of("debug_query_string");
  layout.application_name = address_of("application_name");
  layout.my_proc_port = address_of("MyProcPort");
  if (layout.major == 13) {
    layout.proc_wait_event = kProcWaitEvent13;
    const std::array<uint64_t, 2> functions{address_of("pgstat_report_xact_timestamp"),
                                            address_of("pgstat_report_appname")};
    layout.my_be_entry = find_be_entry(postmaster, functions);
  } else {
    layout.entry_query_id = kEntryQueryId;
  }
  return layout;
}

SessionState session_state(int major, uint8_t number) {
  // 18 put "starting" before the others.
  const int state = major >= 18 ? number - 1 : number;
  switch (state) {
    case 1:
      return SessionState::kIdle;
    case 2:
      return SessionState::kActive;
    case 3:
    case 5:
      return SessionState::kIdleInTransaction;
    default:
      return SessionState::kUnknown;
  }
}

bool read_memory(int32_t pid, uint64_t address, std::span<std::byte> to) {
  const iovec local{to.data(), to.size()};
  // The address is one of the other process; it is never followed here.
  const iovec remote{std::bit_cast<void*>(address), to.size()};
  return ::process_vm_readv(pid, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(to.size());
}

Statement statement_of(int32_t pid, const TagLayout& layout) {
  constexpr size_t kMaxText = 1024;
  uint64_t row = 0;
  uint64_t text = 0;
  int32_t count = 0;
  if (layout.my_be_entry == 0 || !read_value(pid, layout.my_be_entry, row) || row == 0 ||
      !read_value(pid, row, count) || !read_value(pid, row + kEntryActivity, text)) {
    return {};
  }
  const Tags tags = read_tags(pid, namespace_pid(pid), layout);
  if (!tags.has_backend ||
      session_state(layout.major, tags.session_state) != SessionState::kActive) {
    return {};
  }
  std::string bytes(kMaxText, '\0');
  if (!read_memory(pid, text, std::as_writable_bytes(std::span(bytes)))) return {};
  // Believed only if the backend has reported nothing new meanwhile: its changecount comes first.
  int32_t count_after = 0;
  if (!read_value(pid, row, count_after) || count_after != count) return {};
  bytes.resize(std::min(bytes.find('\0'), bytes.size()));
  return {tags.query_id, std::move(bytes)};
}

std::string application_of(int32_t pid, const TagLayout& layout) {
  constexpr size_t kNameLength = 64;  // NAMEDATALEN
  uint64_t text = 0;
  if (layout.application_name == 0 || !read_value(pid, layout.application_name, text)) return {};
  if (text == 0) return {};
  std::string name(kNameLength, '\0');
  if (!read_memory(pid, text, std::as_writable_bytes(std::span(name)))) return {};
  const size_t size = name.find('\0');
  // A new name takes the place of the old one before that is freed (guc.c, set_string_field).
  uint64_t text_after = 0;
  const bool same = read_value(pid, layout.application_name, text_after) && text_after == text;
  return size == std::string::npos || !same ? std::string() : name.substr(0, size);
}

Tags read_tags(int32_t pid, int32_t namespace_pid, const TagLayout& layout) {
  Tags tags;
  uint64_t word = 0;
  const bool global = layout.my_wait_event_info != 0;
  const uint64_t at = global ? layout.my_wait_event_info : layout.my_proc;
  if (at != 0 && read_value(pid, at, word) && word != 0) {
    uint32_t wait = 0;
    if (read_value(pid, word + (global ? 0 : layout.proc_wait_event), wait)) tags.wait_event = wait;
  }
  uint64_t row = 0;
  StatusHead head;
  uint32_t state = 0;
  if (layout.my_be_entry == 0 || !read_value(pid, layout.my_be_entry, row) || row == 0) return tags;
  if (!read_value(pid, row, head) || !read_value(pid, row + kEntryState, state)) return tags;
  if (head.procpid != namespace_pid || (head.changecount & 1) != 0) return tags;
  if (layout.entry_query_id != 0 && !read_value(pid, row + layout.entry_query_id, tags.query_id)) {
    return tags;
  }
  tags.has_backend = true;
  tags.database = head.database;
  tags.user = head.user;
  tags.session_state = static_cast<uint8_t>(state);
  tags.backend_type = static_cast<uint8_t>(head.backend_type);
  return tags;
}

}  // namespace pgflame::capture
