#include "symbolizer/unwind/table_cache.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include "src/base/file.h"
#include "src/base/hash_index.h"

namespace pgflame::unwind {
namespace {

// Changes whenever tables are compiled differently, so that old ones are not read.
constexpr std::array<char, 16> kMagic{"pgflame-unwind3"};

// Smaller modules are compiled in less time than it takes to open a file.
constexpr size_t kWorthKeeping = size_t{64} << 10;
constexpr size_t kMaxBytes = size_t{64} << 20;

struct Header {
  std::array<char, 16> magic = kMagic;
  uint64_t fingerprint = 0;
  uint64_t checksum = 0;  // of everything else
  uint64_t base = 0;
  uint64_t covered_bytes = 0;
  uint64_t frame_pointer_bytes = 0;
  uint32_t rule_count = 0;
  uint32_t row_count = 0;
};
static_assert(sizeof(Header) == 64);

uint64_t checksum_of(Header header, std::string_view body) {
  header.checksum = 0;
  return hash_bytes(body, hash_bytes({reinterpret_cast<const char*>(&header), sizeof header}));
}

template <typename Item>
std::string_view bytes_of(const std::vector<Item>& items) {
  return {reinterpret_cast<const char*>(items.data()), items.size() * sizeof(Item)};
}

uint64_t hash_of(const std::optional<FrameSection>& section, uint64_t seed) {
  if (!section) return hash_mix(seed, 0);
  const auto& bytes = section->bytes;
  return hash_mix(hash_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, seed),
                  section->address);
}

size_t frame_bytes(const ElfImage& image) {
  const size_t eh = image.eh_frame() ? image.eh_frame()->bytes.size() : 0;
  return eh + (image.debug_frame() ? image.debug_frame()->bytes.size() : 0);
}

// What every compiled table is and every lookup relies on.
bool is_sound(const Table& table) {
  static constexpr Rule kNone{};
  if (table.rows.empty() || table.rules.empty() || table.rules.size() > PGF_MAX_RULES) return false;
  if (std::memcmp(&table.rules.front(), &kNone, sizeof kNone) != 0) return false;
  if (table.rows.back().rule != PGF_RULE_NONE) return false;
  const bool known_rules = std::ranges::all_of(
      table.rows, [&](const Row& row) { return row.rule < table.rules.size(); });
  const auto not_after = [](const Row& a, const Row& b) { return a.pc >= b.pc; };
  return known_rules && std::ranges::adjacent_find(table.rows, not_after) == table.rows.end();
}

}  // namespace

uint64_t fingerprint(const ElfImage& image) {
  const auto machine = static_cast<uint64_t>(image.machine());
  return hash_of(image.debug_frame(), hash_of(image.eh_frame(), machine));
}

std::string packed(const Table& table, uint64_t fingerprint) {
  std::string body(bytes_of(table.rules));
  body += bytes_of(table.rows);
  Header header;
  header.fingerprint = fingerprint;
  header.base = table.base;
  header.covered_bytes = table.covered_bytes;
  header.frame_pointer_bytes = table.frame_pointer_bytes;
  header.rule_count = static_cast<uint32_t>(table.rules.size());
  header.row_count = static_cast<uint32_t>(table.rows.size());
  header.checksum = checksum_of(header, body);
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + body;
}

std::optional<Table> unpacked(std::string_view bytes, uint64_t fingerprint) {
  Header header;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  const std::string_view body = bytes.substr(sizeof header);
  const size_t rule_bytes = size_t{header.rule_count} * sizeof(Rule);
  const size_t row_bytes = size_t{header.row_count} * sizeof(Row);
  if (header.magic != kMagic || header.fingerprint != fingerprint ||
      body.size() != rule_bytes + row_bytes || header.checksum != checksum_of(header, body)) {
    return std::nullopt;
  }
  Table table;
  table.base = header.base;
  table.covered_bytes = header.covered_bytes;
  table.frame_pointer_bytes = header.frame_pointer_bytes;
  table.rules.resize(header.rule_count);
  table.rows.resize(header.row_count);
  if (rule_bytes == 0 || row_bytes == 0) return std::nullopt;
  std::memcpy(table.rules.data(), body.data(), rule_bytes);
  std::memcpy(table.rows.data(), body.data() + rule_bytes, row_bytes);
  if (!is_sound(table)) return std::nullopt;
  return table;
}

std::string cached_table_path(const std::string& directory, const std::string& build_id) {
  return directory + "/unwind-" + build_id;
}

Table cached_table(const ElfImage& image, const std::string& directory) {
  if (directory.empty() || image.build_id().empty() || frame_bytes(image) < kWorthKeeping) {
    return compile_table(image);
  }
  const std::string path = cached_table_path(directory, image.build_id());
  const uint64_t made_from = fingerprint(image);
  if (const auto bytes = read_strange_file(path, kMaxBytes)) {
    if (auto table = unpacked(*bytes, made_from)) {
      table->bare = is_bare(*table, image.segments());
      return std::move(*table);
    }
  }
  Table table = compile_table(image);
  if (!is_sound(table)) return table;
  std::error_code ignored;
  std::filesystem::create_directories(directory, ignored);
  // A recording waits for this.
  static_cast<void>(
      write_file_atomically(path, packed(table, made_from), Overwrite::kAllow, Flush::kNo));
  return table;
}

}  // namespace pgflame::unwind
