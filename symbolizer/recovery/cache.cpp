#include "symbolizer/recovery/cache.h"

#include <array>
#include <filesystem>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "src/base/file.h"
#include "src/base/text.h"

namespace pgflame::symbolizer {
namespace {

// Changes whenever recovery or its references change, so that old results are not read.
constexpr std::string_view kHeader = "pgflame-names 6";
constexpr size_t kMaxBytes = size_t{64} << 20;

std::string path_of(const std::string& directory, const std::string& build_id) {
  return directory + "/names-" + build_id;
}

// Whether the line has exactly as many fields.
bool split_into(std::string_view line, char separator, std::span<std::string_view> fields) {
  for (size_t i = 0; i + 1 < fields.size(); ++i) {
    const size_t at = line.find(separator);
    if (at == std::string_view::npos) return false;
    fields[i] = line.substr(0, at);
    line.remove_prefix(at + 1);
  }
  fields.back() = line;
  return line.find(separator) == std::string_view::npos;
}

// start, entry, tier, name, file, evidence. Rows are sorted as the ranges are: `from` moves along.
bool read_row(std::string_view line, std::vector<FunctionRange>& ranges, size_t& from) {
  std::array<std::string_view, 6> fields;
  if (!split_into(line, '\t', fields)) return false;
  const auto start = parse_u64(fields[0], 16);
  const auto entry = parse_u64(fields[1], 16);
  const auto tier = parse_u64(fields[2]);
  if (!start || !entry || !tier || *tier > static_cast<uint64_t>(NameTier::kPlaced)) return false;
  while (from < ranges.size() && ranges[from].start < *start)
    ++from;
  if (from == ranges.size() || ranges[from].start != *start) return false;
  FunctionRange* const found = &ranges[from];
  if (found->file.empty()) found->file = fields[4];
  // It has a name of its own: a debug file may have come since the row was written.
  if (!found->name.empty()) return true;
  found->entry = *entry;
  found->tier = static_cast<NameTier>(*tier);
  found->name = fields[3];
  found->evidence = fields[5];
  return true;
}

}  // namespace

bool read_cache(const std::string& directory, const std::string& build_id, FunctionTable& table) {
  if (directory.empty() || build_id.empty()) return false;
  auto text = read_file(path_of(directory, build_id), kMaxBytes);
  if (!text || !text->starts_with(kHeader) || !text->ends_with("end\n")) return false;
  const std::string_view kept = table.keep(std::move(*text));
  size_t at = kept.find('\n') + 1;
  size_t from = 0;
  while (at < kept.size()) {
    const size_t newline = kept.find('\n', at);
    const std::string_view line = kept.substr(at, newline - at);
    if (line == "end") return true;
    if (!read_row(line, table.ranges(), from)) return false;
    at = newline + 1;
  }
  return false;
}

void write_cache(const std::string& directory,
                 const std::string& build_id,
                 const FunctionTable& table) {
  if (directory.empty() || build_id.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  std::string text(kHeader);
  text += '\n';
  for (const FunctionRange& range : table.ranges()) {
    // What has no name may still be a part of another function, or in a known file.
    const bool is_plain = range.name.empty() || range.tier == NameTier::kExported;
    if (is_plain && range.file.empty() && range.entry == range.start) continue;
    fmt::format_to(std::back_inserter(text),
                   "{:x}\t{:x}\t{}\t{}\t{}\t{}\n",
                   range.start,
                   range.entry,
                   static_cast<int>(range.tier),
                   range.name,
                   range.file,
                   range.evidence);
  }
  text += "end\n";
  static_cast<void>(write_file_atomically(path_of(directory, build_id), text, Overwrite::kAllow));
}

}  // namespace pgflame::symbolizer
