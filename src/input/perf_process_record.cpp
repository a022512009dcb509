#include "src/input/perf_process_record.h"

#include <sys/sysmacros.h>

#include "src/base/text.h"

namespace pgflame::input {
namespace {

// perf_event_header.misc
constexpr uint16_t kCpuModeMask = 7;
constexpr uint16_t kKernelMode = 1;
constexpr uint16_t kGuestKernelMode = 4;
constexpr uint16_t kMiscBit13 = 1U << 13;  // MMAP_DATA, COMM_EXEC or FORK_EXEC
constexpr uint16_t kMiscBuildId = 1U << 14;

bool take_process(Cursor& body, ProcessRecord& parsed) {
  const auto pid = body.u32();
  const auto tid = body.u32();
  if (!tid) return false;
  parsed.pid = static_cast<int32_t>(*pid);
  parsed.tid = static_cast<int32_t>(*tid);
  return true;
}

// MMAP2: which file, by build-id or by device and inode, and the protection.
bool take_file_identity(const PerfRecord& record, Cursor& body, ProcessRecord& parsed) {
  constexpr uint32_t kProtExec = 4;
  const auto identity = body.take_bytes(24);
  const auto protection = body.u32();
  const auto flags = body.u32();
  if (!identity || !flags) return false;
  if ((record.misc & kMiscBuildId) != 0) {
    const size_t size = std::min<size_t>((*identity)[0], 20);
    parsed.build_id = to_hex(identity->subspan(4).data(), size);
  } else {
    Cursor numbers(*identity, body.swapped());
    const uint32_t device_major = *numbers.u32();
    const uint32_t device_minor = *numbers.u32();
    parsed.device = makedev(device_major, device_minor);
    parsed.inode = *numbers.u64();
  }
  // Recorders that read /proc/PID/maps before Linux 3.16 left the protection empty.
  if (*protection != 0) parsed.executable = (*protection & kProtExec) != 0;
  return true;
}

bool take_map(const PerfRecord& record, Cursor body, ProcessRecord& parsed) {
  const auto start = body.u64();
  const auto size = body.u64();
  const auto offset = body.u64();
  if (!offset) return false;
  parsed.kind = ProcessRecord::Kind::kMap;
  parsed.kernel = (record.misc & kCpuModeMask) == kKernelMode;
  parsed.executable = (record.misc & kMiscBit13) == 0;
  parsed.start = *start;
  parsed.size = *size;
  parsed.file_offset = *offset;
  if (record.type == kRecordMmap2 && !take_file_identity(record, body, parsed)) return false;
  parsed.name = body.text();
  return (record.misc & kCpuModeMask) < kGuestKernelMode;
}

bool take_fork(const PerfRecord& record, Cursor body, ProcessRecord& parsed) {
  const auto pid = body.u32();
  const auto parent_pid = body.u32();
  const auto tid = body.u32();
  const auto parent_tid = body.u32();
  if (!parent_tid) return false;
  parsed.kind = ProcessRecord::Kind::kFork;
  parsed.keeps_maps = (record.misc & kMiscBit13) == 0;
  parsed.pid = static_cast<int32_t>(*pid);
  parsed.tid = static_cast<int32_t>(*tid);
  parsed.parent_pid = static_cast<int32_t>(*parent_pid);
  parsed.parent_tid = static_cast<int32_t>(*parent_tid);
  return true;
}

}  // namespace

std::optional<ProcessRecord> parse_process_record(const PerfRecord& record, Cursor body) {
  ProcessRecord parsed;
  if (record.type == kRecordFork) {
    if (!take_fork(record, body, parsed)) return std::nullopt;
    return parsed;
  }
  if (!take_process(body, parsed)) return std::nullopt;
  if (record.type == kRecordComm) {
    parsed.kind =
        (record.misc & kMiscBit13) != 0 ? ProcessRecord::Kind::kExec : ProcessRecord::Kind::kComm;
    parsed.name = body.text();
    return parsed;
  }
  if (!take_map(record, body, parsed)) return std::nullopt;
  return parsed;
}

}  // namespace pgflame::input
