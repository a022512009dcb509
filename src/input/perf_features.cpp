#include <algorithm>
#include <unordered_map>

#include "src/base/text.h"
#include "src/input/perf_header.h"

namespace pgflame::input {
namespace {

enum Feature : uint32_t {
  kBuildIds = 2,
  kHostname = 3,
  kKernelRelease = 4,
  kPerfVersion = 5,
  kArchitecture = 6,
  kCpuCount = 7,
  kCommandLine = 11,
  kEventDescriptions = 12,
  kSampleTime = 21,
  kDirectoryFormat = 24,
  kCompressed = 27,
  kClockData = 29,
};

std::optional<std::string> take_string(Cursor& cursor) {
  const auto size = cursor.u32();
  const auto bytes = size ? cursor.take_bytes(*size) : std::nullopt;
  if (!bytes) return std::nullopt;
  return std::string(Cursor(*bytes).text());
}

std::string read_string(Cursor cursor) {
  return take_string(cursor).value_or(std::string());
}

std::string read_command_line(Cursor cursor) {
  const auto count = cursor.u32();
  std::string line;
  for (uint32_t i = 0; count && i < *count; ++i) {
    const auto word = take_string(cursor);
    if (!word) break;
    if (i > 0) line += ' ';
    line += *word;
  }
  return line;
}

std::unordered_map<uint64_t, PerfEvent*> events_by_id(PerfMeta& meta) {
  std::unordered_map<uint64_t, PerfEvent*> by_id;
  for (PerfEvent& event : meta.events) {
    for (const uint64_t id : event.ids)
      by_id.emplace(id, &event);
  }
  return by_id;
}

// Names by the ids of the event; files with a single event may have none.
void read_event_descriptions(Cursor cursor, PerfMeta& meta) {
  const auto by_id = events_by_id(meta);
  const auto count = cursor.u32();
  const auto event_size = cursor.u32();
  if (!count || !event_size) return;
  for (uint32_t i = 0; i < *count; ++i) {
    if (!cursor.skip(*event_size)) return;
    const auto id_count = cursor.u32();
    const auto name = take_string(cursor);
    const auto ids = id_count && name ? cursor.take_words(*id_count) : std::nullopt;
    if (!ids) return;
    if (ids->empty() && i < meta.events.size()) meta.events[i].name = *name;
    for (size_t at = 0; at < ids->size() / 8; ++at) {
      const auto found = by_id.find(word_at(*ids, at, cursor.swapped()));
      if (found != by_id.end()) found->second->name = *name;
    }
  }
}

void read_build_ids(Cursor cursor, PerfMeta& meta) {
  while (cursor.remaining() >= 8) {
    const Cursor start = cursor;
    cursor.skip(4);  // type, not always filled in
    const uint16_t misc = *cursor.u16();
    const uint16_t size = *cursor.u16();
    if (size < 8 || size > start.remaining()) return;
    read_build_id(misc, Cursor(*cursor.take_bytes(size - 8U), cursor.swapped()), meta);
  }
}

void read_clock(Cursor cursor, PerfMeta& meta) {
  cursor.skip(8);  // version, clock id
  const auto wall = cursor.u64();
  const auto time = cursor.u64();
  if (!wall || !time) return;
  meta.clock_wall = *wall;
  meta.clock_time = *time;
}

}  // namespace

void read_build_id(uint16_t misc, Cursor body, PerfMeta& meta) {
  constexpr uint16_t kHasSize = 1U << 15;
  constexpr size_t kMaxSize = 20;
  const auto pid = body.u32();
  const auto bytes = body.take_bytes(kMaxSize);
  const auto size_word = body.take_bytes(4);
  if (!pid || !bytes || !size_word) return;
  size_t size = kMaxSize;
  if ((misc & kHasSize) != 0) {
    size = std::min<size_t>((*size_word)[0], kMaxSize);
  } else {
    while (size > 0 && (*bytes)[size - 1] == 0)
      --size;
  }
  if (size == 0) return;
  const std::string id = to_hex(bytes->data(), size);
  const std::string path(body.text());
  const auto owner = static_cast<int32_t>(*pid);
  if (path.starts_with("[kernel") || (owner == -1 && path.find("vmlinux") != std::string::npos)) {
    meta.kernel_build_id = id;
  } else {
    meta.build_ids.emplace(path, id);
  }
}

void read_feature(uint32_t feature, Bytes section, PerfMeta& meta) {
  Cursor cursor(section, meta.swapped);
  switch (feature) {
    case kBuildIds:
      return read_build_ids(cursor, meta);
    case kHostname:
      meta.host = read_string(cursor);
      return;
    case kKernelRelease:
      meta.kernel = read_string(cursor);
      return;
    case kPerfVersion:
      meta.perf_version = read_string(cursor);
      return;
    case kArchitecture:
      meta.architecture = read_string(cursor);
      return;
    case kCpuCount:
      cursor.skip(4);  // available; online follows
      meta.cpus = std::min<uint32_t>(cursor.u32().value_or(0), 1U << 20);
      return;
    case kCommandLine:
      meta.command_line = read_command_line(cursor);
      return;
    case kEventDescriptions:
      return read_event_descriptions(cursor, meta);
    case kSampleTime:
      meta.first_time = cursor.u64().value_or(0);
      meta.last_time = cursor.u64().value_or(0);
      return;
    case kDirectoryFormat:
      meta.of_folder = true;
      return;
    case kCompressed:
      cursor.skip(16);  // version, type, level, ratio
      meta.compression_window = cursor.u32().value_or(0);
      return;
    case kClockData:
      return read_clock(cursor, meta);
    default:
      return;
  }
}

}  // namespace pgflame::input
