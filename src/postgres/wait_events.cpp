#include "src/postgres/wait_events.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <vector>

#include "src/base/embedded_file.h"
#include "src/base/rows.h"
#include "src/base/text.h"

namespace pgflame::postgres {

std::span<const EmbeddedFile> tables();  // made by cmake/Embed.cmake

namespace {

constexpr uint32_t kLwLockClass = 0x01;
constexpr uint32_t kLockClass = 0x03;
constexpr uint32_t kBufferClass = 0x04;
constexpr uint32_t kExtensionClass = 0x07;
constexpr uint32_t kInjectionPointClass = 0x0b;
constexpr uint32_t kEventMask = 0xffff;
constexpr int kOldestMajor = 13;
constexpr int kNewestMajor = 19;

// By class number, as named up to 18.
constexpr std::array<std::string_view, 12> kClassNames{"",
                                                       "LWLock",
                                                       "",
                                                       "Lock",
                                                       "BufferPin",
                                                       "Activity",
                                                       "Client",
                                                       "Extension",
                                                       "IPC",
                                                       "Timeout",
                                                       "IO",
                                                       "InjectionPoint"};
constexpr std::string_view kBufferClassSince19 = "Buffer";

struct Row {
  uint32_t info = 0;
  uint32_t majors = 0;  // bit `major`
  std::string_view kind;
  std::string_view name;
};

uint32_t parse_majors(std::string_view text) {
  uint32_t majors = 0;
  for (const std::string_view part : split(text, ','))
    majors |= 1U << parse_u64(part).value_or(0);
  return majors;
}

std::vector<Row> parse_rows() {
  std::vector<Row> rows;
  for (const EmbeddedFile& table : tables()) {
    if (table.name != "wait_events.tsv") continue;
    for (const std::string_view line : split(table.text, '\n')) {
      const std::vector<std::string_view> cells = split(line, '\t');
      if (cells.size() != 4) continue;
      rows.push_back(Row{static_cast<uint32_t>(parse_u64(cells[0], 16).value_or(0)),
                         parse_majors(cells[3]),
                         cells[1],
                         cells[2]});
    }
  }
  return rows;  // sorted by info, as the file is
}

const std::vector<Row>& all_rows() {
  static const std::vector<Row> rows = parse_rows();
  return rows;
}

// The first number that an extension's own tranche can have: builtin tranches end here
// (LWTRANCHE_FIRST_USER_DEFINED, src/include/storage/lwlock.h).
uint32_t first_user_tranche(int major) {
  constexpr std::array<uint32_t, 7> kFirst{73, 72, 75, 77, 92, 95, 100};
  return kFirst.at(static_cast<size_t>(major - kOldestMajor));
}

}  // namespace

std::string_view wait_event_class(int major, uint32_t info) {
  const uint32_t kind = info >> 24;
  if (kind == kBufferClass && major >= 19) return kBufferClassSince19;
  return kind < kClassNames.size() ? kClassNames[kind] : "";
}

// Events: WaitEventCustomNew in src/backend/utils/activity/wait_event.c, from 17 on; 0 is what
// extensions share that registered none.
bool is_registered_wait(int major, uint32_t info) {
  if (major < kOldestMajor || major > kNewestMajor) return false;
  const uint32_t kind = info >> 24;
  const uint32_t number = info & kEventMask;
  if (kind == kLwLockClass) return number >= first_user_tranche(major);
  constexpr int kFirstWithCustomEvents = 17;
  return (kind == kExtensionClass || kind == kInjectionPointClass) &&
         major >= kFirstWithCustomEvents && number > 0;
}

std::string wait_event_name(int major, uint32_t info) {
  const std::vector<Row>& rows = all_rows();
  const uint32_t kind = info >> 24;
  if (major == 0 && kind == kLockClass) major = kNewestMajor;
  if (major < kOldestMajor || major > kNewestMajor) return "";
  const uint32_t key = info & 0xff00ffffU;
  auto row = std::ranges::lower_bound(rows, key, {}, &Row::info);
  for (; row != rows.end() && row->info == key; ++row) {
    if ((row->majors >> major & 1U) != 0) return std::string(row->name);
  }
  if (!is_registered_wait(major, info)) return "";
  const std::string number = std::to_string(info & kEventMask);
  return kind == kLwLockClass ? "extension " + number : number;
}

const std::vector<std::string_view>& wait_event_classes() {
  static const std::vector<std::string_view> classes = [] {
    std::vector<std::string_view> named;
    std::ranges::copy_if(kClassNames, std::back_inserter(named), [](std::string_view name) {
      return !name.empty();
    });
    named.push_back(kBufferClassSince19);
    return named;
  }();
  return classes;
}

const std::vector<std::string>& wait_events() {
  static const std::vector<std::string> events = [] {
    std::vector<std::string> named;
    for (const Row& row : all_rows())
      named.push_back(std::string(row.kind).append(":").append(row.name));
    std::ranges::sort(named);
    drop_repeated(named);
    return named;
  }();
  return events;
}

}  // namespace pgflame::postgres
