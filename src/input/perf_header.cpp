#include "src/input/perf_header.h"

#include <array>
#include <bit>

#include "src/base/text.h"

namespace pgflame::input {
namespace {

constexpr std::string_view kMagicLittle = "PERFILE2";
constexpr std::string_view kMagicBig = "2ELIFREP";
constexpr uint64_t kPipeHeaderSize = 16;
constexpr uint64_t kOldHeaderSize = 72;  // without the feature bits
constexpr uint64_t kHeaderSize = 104;
constexpr uint64_t kMaxEvents = 65536;
constexpr uint64_t kMaxIds = 1U << 20;  // of all events together
constexpr uint64_t kMaxFeatureSize = 64U << 20;

struct Header {
  uint64_t size = 0;
  uint64_t event_size = 0;  // of one entry: perf_event_attr and the section of its ids
  FileSection events;
  FileSection data;
  std::array<uint64_t, 4> features{};
};

Error broken(const char* what) {
  return {ErrorKind::kCorrupt, std::string("the perf.data header is broken: ") + what, {}};
}

// Writers of the other byte order that were 32 bit wide swapped the bits as 4-byte words.
std::array<uint64_t, 4> read_feature_bits(Bytes bits, bool swapped) {
  constexpr uint64_t kHostname = 1ULL << 3;
  std::array<uint64_t, 4> words{};
  for (size_t i = 0; i < 4; ++i)
    words[i] = word_at(bits, i, swapped);
  if (swapped && (words[0] & kHostname) == 0) {
    for (uint64_t& word : words)
      word = std::rotl(word, 32);
    constexpr uint64_t kBuildIdsOnly = 1ULL << 2;
    if ((words[0] & kHostname) == 0) words = {kBuildIdsOnly, 0, 0, 0};
  }
  return words;
}

Result<Header> parse_header(Bytes bytes, bool swapped) {
  Cursor cursor(bytes, swapped);
  const auto word = [&] { return cursor.u64().value_or(0); };
  word();  // magic
  Header header;
  header.size = word();
  header.event_size = word();
  header.events = {word(), 0};
  header.events.size = word();
  header.data = {word(), 0};
  header.data.size = word();
  cursor.skip(16);  // event types, obsolete
  if (header.size < kOldHeaderSize || bytes.size() < kOldHeaderSize) {
    return fail(broken("it is too short"));
  }
  if (header.size >= kHeaderSize && cursor.remaining() >= 32) {
    header.features = read_feature_bits(cursor.rest().first(32), swapped);
  }
  return header;
}

// At most `limit` of them, and none of a section that lies behind the file's end.
std::vector<uint64_t> read_ids(const FileReader& file,
                               const FileSection& section,
                               bool swapped,
                               uint64_t limit) {
  if (section.offset > file.size || section.size > file.size - section.offset) return {};
  const uint64_t count = std::min(section.size / 8, limit);
  const auto bytes = file.read(section.offset, count * 8);
  std::vector<uint64_t> ids(bytes.size() / 8);
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = word_at(bytes, i, swapped);
  return ids;
}

Result<std::vector<PerfEvent>> read_events(const FileReader& file,
                                           const Header& header,
                                           bool swapped) {
  constexpr uint64_t kSectionSize = 16;
  constexpr uint64_t kMaxEventSize = 65536;
  if (header.event_size < 64 + kSectionSize || header.event_size > kMaxEventSize) {
    return fail(broken("the size of its event descriptions makes no sense"));
  }
  const uint64_t count = header.events.size / header.event_size;
  if (count == 0 || count > kMaxEvents) return fail(broken("it describes no events"));
  std::vector<PerfEvent> events;
  const auto bytes = file.read(header.events.offset, count * header.event_size);
  Cursor cursor{Bytes(bytes), swapped};
  uint64_t ids_left = kMaxIds;
  while (cursor.remaining() >= header.event_size) {
    const Bytes entry = *cursor.take_bytes(header.event_size);
    auto event = parse_event(entry.first(entry.size() - kSectionSize), swapped);
    if (!event) break;
    Cursor section(entry.last(kSectionSize), swapped);
    const FileSection ids{section.u64().value_or(0), section.u64().value_or(0)};
    event->ids = read_ids(file, ids, swapped, ids_left);
    ids_left -= event->ids.size();
    events.push_back(std::move(*event));
  }
  if (events.empty()) return fail(broken("its event descriptions lie outside the file"));
  return events;
}

void read_features(const FileReader& file, const Header& header, PerfFile& result) {
  constexpr uint64_t kSectionSize = 16;
  const uint64_t table = result.data.offset + result.data.size;
  uint64_t count = 0;
  for (const uint64_t word : header.features)
    count += static_cast<uint64_t>(std::popcount(word));
  const auto sections = file.read(table, count * kSectionSize);
  if (sections.size() < count * kSectionSize) result.truncated = true;
  Cursor cursor{Bytes(sections), result.meta.swapped};
  for (uint32_t feature = 0; feature < 256 && cursor.remaining() >= kSectionSize; ++feature) {
    if ((header.features[feature / 64] >> (feature % 64) & 1) == 0) continue;
    const FileSection section{*cursor.u64(), *cursor.u64()};
    if (section.offset > file.size || section.size > file.size - section.offset)
      result.truncated = true;
    if (section.size > kMaxFeatureSize) continue;
    read_feature(feature, file.read(section.offset, section.size), result.meta);
  }
}

}  // namespace

bool is_perf_data(Bytes start) {
  if (start.size() < kPerfMagicSize) return false;
  const std::string_view magic = as_text(start.first(kPerfMagicSize));
  return magic == kMagicLittle || magic == kMagicBig;
}

bool is_swapped(Bytes start) {
  constexpr bool kLittleHost = std::endian::native == std::endian::little;
  return start.size() >= kPerfMagicSize &&
         (as_text(start.first(kPerfMagicSize)) == kMagicBig) == kLittleHost;
}

bool is_perf_pipe(Bytes start) {
  if (!is_perf_data(start) || start.size() < kPipeHeaderSize) return false;
  return word_at(start, 1, is_swapped(start)) == kPipeHeaderSize;
}

Result<PerfFile> read_perf_file(const FileReader& file) {
  const auto start = file.read(0, kHeaderSize);
  if (!is_perf_data(start)) return fail(broken("it does not start with PERFILE2"));
  PerfFile result;
  result.meta.swapped = is_swapped(start);
  const auto header = parse_header(start, result.meta.swapped);
  if (!header) return fail(header.error());
  auto events = read_events(file, *header, result.meta.swapped);
  if (!events) return fail(std::move(events).error());
  result.meta.events = std::move(*events);
  result.data = header->data;
  if (result.data.offset > file.size) return fail(broken("its samples lie outside the file"));
  const uint64_t available = file.size - result.data.offset;
  if (result.data.size == 0 || result.data.size > available) {
    result.data.size = available;  // the recorder was killed, or the copy is incomplete
    result.truncated = true;
    return result;
  }
  read_features(file, *header, result);
  return result;
}

}  // namespace pgflame::input
