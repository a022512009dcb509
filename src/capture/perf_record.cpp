#include "src/capture/perf_record.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <linux/perf_event.h>

namespace pgflame::capture {
namespace {

// Takes values off the front; once something is missing everything is.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  T take() {
    T value{};
    if (bytes_.size() < sizeof(T)) {
      complete_ = false;
      bytes_ = {};
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }
  std::span<const std::byte> take_bytes(uint64_t count) {
    if (count > bytes_.size()) {
      complete_ = false;
      bytes_ = {};
      return {};
    }
    const auto taken = bytes_.first(static_cast<size_t>(count));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  size_t left() const { return bytes_.size(); }
  bool complete() const { return complete_; }

 private:
  std::span<const std::byte> bytes_;
  bool complete_ = true;
};

// The chain is one list with markers: "from here on kernel", "from here on user" addresses.
void split_chain(Reader& reader, uint64_t count, PerfRecord& record) {
  bool kernel = false;
  bool user = false;
  for (uint64_t i = 0; i < count; ++i) {
    const auto address = reader.take<uint64_t>();
    if (address >= static_cast<uint64_t>(PERF_CONTEXT_MAX)) {
      kernel = address == static_cast<uint64_t>(PERF_CONTEXT_KERNEL);
      user = address == static_cast<uint64_t>(PERF_CONTEXT_USER);
    } else if (kernel || user) {
      record.addresses.push_back(address);
      if (kernel) ++record.kernel_count;
    }
  }
  if (record.addresses.size() == record.kernel_count) record.event.end = StackEnd::kNoStack;
}

// REGS_USER and STACK_USER: {abi, registers when there is one}, {size, bytes, how many of them are
// valid when there are any}.
void read_user_dump(Reader& reader, uint64_t register_mask, PerfRecord& record) {
  record.abi = reader.take<uint64_t>();
  if (record.abi != 0) {
    const auto values =
        reader.take_bytes(sizeof(uint64_t) * static_cast<size_t>(std::popcount(register_mask)));
    record.registers.resize(values.size() / sizeof(uint64_t));
    if (!values.empty()) std::memcpy(record.registers.data(), values.data(), values.size());
  }
  const auto size = reader.take<uint64_t>();
  if (size == 0) return;
  const auto bytes = reader.take_bytes(size);
  const auto valid = std::min<uint64_t>(reader.take<uint64_t>(), bytes.size());
  const auto* start = reinterpret_cast<const uint8_t*>(bytes.data());
  record.stack.assign(start, start + valid);
}

// TID | TIME | CPU | PERIOD | CALLCHAIN, in the order that the kernel writes them, and the dump.
std::optional<PerfRecord> decode_sample(Reader reader, uint64_t register_mask) {
  PerfRecord record;
  record.event.kind = EventKind::kSample;
  record.event.pid = reader.take<int32_t>();
  record.event.tid = reader.take<int32_t>();
  record.event.time_ns = reader.take<uint64_t>();
  reader.take<uint64_t>();  // cpu and a reserved word
  record.event.weight = reader.take<uint64_t>();
  const auto count = reader.take<uint64_t>();
  if (!reader.complete() || count > reader.left() / sizeof(uint64_t)) return std::nullopt;
  split_chain(reader, count, record);
  if (register_mask != 0) read_user_dump(reader, register_mask, record);
  if (!reader.complete()) return std::nullopt;
  return record;
}

// FORK and EXIT: {pid, ppid, tid, ptid, time}. Threads are no news.
std::optional<PerfRecord> decode_task(Reader reader, EventKind kind) {
  PerfRecord record;
  record.event.kind = kind;
  record.event.pid = reader.take<int32_t>();
  record.event.parent = reader.take<int32_t>();
  record.event.tid = reader.take<int32_t>();
  reader.take<int32_t>();
  record.event.time_ns = reader.take<uint64_t>();
  if (!reader.complete() || record.event.pid != record.event.tid) return std::nullopt;
  return record;
}

// COMM: {pid, tid, name, sample id {pid, tid, time, cpu}}.
std::optional<PerfRecord> decode_exec(Reader reader) {
  constexpr size_t kSampleId = 24;
  PerfRecord record;
  record.event.kind = EventKind::kExec;
  record.event.pid = reader.take<int32_t>();
  record.event.tid = reader.take<int32_t>();
  while (reader.left() > kSampleId)
    reader.take<uint64_t>();
  reader.take<uint64_t>();
  record.event.time_ns = reader.take<uint64_t>();
  if (!reader.complete()) return std::nullopt;
  return record;
}

}  // namespace

std::optional<PerfRecord> decode_perf_record(std::span<const std::byte> record,
                                             PerfLosses& losses,
                                             uint64_t register_mask) {
  Reader reader(record);
  const auto header = reader.take<perf_event_header>();
  if (!reader.complete() || header.size != record.size()) {
    ++losses.bad;
    return std::nullopt;
  }
  std::optional<PerfRecord> decoded;
  switch (header.type) {
    case PERF_RECORD_SAMPLE:
      decoded = decode_sample(reader, register_mask);
      losses.bad += decoded ? 0 : 1;
      break;
    case PERF_RECORD_FORK:
      decoded = decode_task(reader, EventKind::kFork);
      break;
    case PERF_RECORD_EXIT:
      decoded = decode_task(reader, EventKind::kExit);
      break;
    case PERF_RECORD_COMM:
      if ((header.misc & PERF_RECORD_MISC_COMM_EXEC) != 0) decoded = decode_exec(reader);
      break;
    case PERF_RECORD_LOST:
      reader.take<uint64_t>();  // event id
      losses.lost += reader.take<uint64_t>();
      break;
    case PERF_RECORD_THROTTLE:
      ++losses.throttled;
      break;
    default:
      break;
  }
  return decoded;
}

}  // namespace pgflame::capture
