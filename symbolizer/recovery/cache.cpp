#include "symbolizer/recovery/cache.h"

#include <cstring>
#include <string_view>
#include <vector>

#include "src/base/kept_file.h"
#include "symbolizer/unwind/byte_cursor.h"

namespace pgflame::symbolizer {
namespace {

// Changes whenever recovery or its references change, so that old results are not read.
constexpr std::string_view kMark = "pgflame-names 10\n";

// The file: the number of rows, the rows, and their texts one after the other.
struct Row {
  uint64_t start = 0;
  uint64_t entry = 0;
  uint32_t tier = 0;
  uint32_t name_size = 0;
  uint32_t file_size = 0;
  uint32_t evidence_size = 0;
};

std::string path_of(const std::string& directory, const std::string& build_id) {
  return directory + "/names-" + build_id;
}

std::string_view text(unwind::ByteCursor& texts, uint64_t size) {
  const auto bytes = texts.take(size);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Rows are sorted as the ranges are: `from` moves along.
bool read_row(const Row& row,
              unwind::ByteCursor& texts,
              std::vector<FunctionRange>& ranges,
              size_t& from) {
  const std::string_view name = text(texts, row.name_size);
  const std::string_view file = text(texts, row.file_size);
  const std::string_view evidence = text(texts, row.evidence_size);
  if (!texts.ok() || row.tier > static_cast<uint32_t>(NameTier::kPlaced)) return false;
  while (from < ranges.size() && ranges[from].start < row.start)
    ++from;
  if (from == ranges.size() || ranges[from].start != row.start) return false;
  FunctionRange& found = ranges[from];
  if (found.file.empty()) found.file = file;
  // It has a name of its own: a debug file may have come since the row was written.
  if (!found.name.empty()) return true;
  found.entry = row.entry;
  found.tier = static_cast<NameTier>(row.tier);
  found.name = name;
  found.evidence = evidence;
  return true;
}

}  // namespace

bool read_cache(const std::string& directory, const std::string& build_id, FunctionTable& table) {
  if (directory.empty() || build_id.empty()) return false;
  auto file = read_kept_file(path_of(directory, build_id), kMark);
  if (!file) return false;
  const std::string_view kept = table.keep(std::move(*file));
  unwind::ByteCursor cursor({reinterpret_cast<const uint8_t*>(kept.data()), kept.size()});
  const uint64_t count = cursor.u64();
  if (count > kept.size() / sizeof(Row)) return false;
  const auto rows = cursor.take(count * sizeof(Row));
  if (!cursor.ok()) return false;
  size_t from = 0;
  for (size_t i = 0; i < count; ++i) {
    Row row;
    std::memcpy(&row, rows.data() + i * sizeof row, sizeof row);
    if (!read_row(row, cursor, table.ranges(), from)) return false;
  }
  return cursor.at_end();
}

void write_cache(const std::string& directory,
                 const std::string& build_id,
                 const FunctionTable& table) {
  if (directory.empty() || build_id.empty()) return;
  uint64_t count = 0;
  std::string rows;
  std::string texts;
  for (const FunctionRange& range : table.ranges()) {
    // What has no name may still be a part of another function, or in a known file.
    const bool is_plain = range.name.empty() || range.tier == NameTier::kExported;
    if (is_plain && range.file.empty() && range.entry == range.start) continue;
    ++count;
    append_value(rows,
                 Row{.start = range.start,
                     .entry = range.entry,
                     .tier = static_cast<uint32_t>(range.tier),
                     .name_size = static_cast<uint32_t>(range.name.size()),
                     .file_size = static_cast<uint32_t>(range.file.size()),
                     .evidence_size = static_cast<uint32_t>(range.evidence.size())});
    texts.append(range.name).append(range.file).append(range.evidence);
  }
  std::string body;
  append_value(body, count);
  body += rows;
  body += texts;
  write_kept_file(path_of(directory, build_id), kMark, body);
}

}  // namespace pgflame::symbolizer
