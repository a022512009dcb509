// The header of a perf.data file and its feature sections.
// Layouts: tools/perf/Documentation/perf.data-file-format.txt of the Linux source.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/input/perf_event.h"

namespace pgflame::input {

using BuildIds = std::map<std::string, std::string, std::less<>>;  // path -> lower-case hex

// What a file says about itself besides its records.
struct PerfMeta {
  bool swapped = false;  // the writer's byte order is not ours
  std::vector<PerfEvent> events;
  std::string host;
  std::string kernel;
  std::string perf_version;
  std::string architecture;
  std::string command_line;
  uint32_t cpus = 0;
  BuildIds build_ids;
  std::string kernel_build_id;
  uint64_t first_time = 0;  // of the samples, nanoseconds of the capture's clock; 0 unknown
  uint64_t last_time = 0;
  uint64_t clock_wall = 0;  // Unix time in nanoseconds at clock_time; 0 unknown
  uint64_t clock_time = 0;
  bool of_folder = false;           // samples are in other files of the folder that it is in
  uint64_t compression_window = 0;  // bytes of one uncompressed ring; 0 unknown
};

struct FileSection {
  uint64_t offset = 0;
  uint64_t size = 0;
};

// Bytes of the file by position; fewer than asked when the file ends before.
struct FileReader {
  uint64_t size = 0;
  std::function<std::vector<uint8_t>(uint64_t offset, uint64_t count)> read;
};

struct PerfFile {
  PerfMeta meta;
  FileSection data;
  bool truncated = false;  // the recorder died, or the file was cut
};

constexpr size_t kPerfMagicSize = 8;
bool is_perf_data(Bytes start);
// Whether `start` (at least 16 bytes) begins a stream as `perf record -o -` writes it.
bool is_perf_pipe(Bytes start);
bool is_swapped(Bytes start);

// Reads header, events and features of a file that is no pipe stream.
Result<PerfFile> read_perf_file(const FileReader& file);

// One feature section (or the body of a PERF_RECORD_HEADER_FEATURE). Broken ones are ignored.
void read_feature(uint32_t feature, Bytes section, PerfMeta& meta);

// One build-id event: the body of a PERF_RECORD_HEADER_BUILD_ID, with its header's misc field.
void read_build_id(uint16_t misc, Cursor body, PerfMeta& meta);

}  // namespace pgflame::input
