#include "symbolizer/jit_symbols.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "symbolizer/unwind/byte_cursor.h"

namespace pgflame::symbolizer {
namespace {

constexpr uint32_t kMagic = 0x4A695444;  // "JiTD" of a little-endian machine
constexpr uint32_t kCodeLoad = 0;
constexpr size_t kMaxFunctions = 1'000'000;

// Code is thrown away and its memory used again: the last writer of an address owns it.
class LatestCode {
 public:
  void add(uint64_t start, uint64_t size, std::string_view name) {
    if (size == 0 || start + size < start || by_start_.size() >= kMaxFunctions) return;
    auto next = by_start_.lower_bound(start);
    if (next != by_start_.begin() && std::prev(next)->second.end > start) {
      std::prev(next)->second.end = start;
    }
    while (next != by_start_.end() && next->first < start + size)
      next = by_start_.erase(next);
    by_start_[start] = {.start = start,
                        .end = start + size,
                        .entry = start,
                        .name = name,
                        .evidence = "written by the JIT compiler",
                        .tier = NameTier::kFull};
  }

  void move_into(FunctionTable& table) const {
    for (const auto& [start, range] : by_start_)
      table.ranges().push_back(range);
  }

 private:
  std::map<uint64_t, FunctionRange> by_start_;
};

void read_line(std::string_view line, LatestCode& code) {
  uint64_t start = 0;
  uint64_t size = 0;
  const char* end = line.data() + line.size();
  const auto first = std::from_chars(line.data(), end, start, 16);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ' ') return;
  const auto second = std::from_chars(first.ptr + 1, end, size, 16);
  if (second.ec != std::errc{} || second.ptr == end || *second.ptr != ' ') return;
  const std::string_view name(second.ptr + 1, static_cast<size_t>(end - second.ptr - 1));
  if (!name.empty()) code.add(start, size, name);
}

}  // namespace

FunctionTable parse_perf_map(std::string text) {
  FunctionTable table;
  LatestCode code;
  const std::string_view kept = table.keep(std::move(text));
  for (size_t at = 0; at < kept.size();) {
    const size_t newline = std::min(kept.find('\n', at), kept.size());
    read_line(kept.substr(at, newline - at), code);
    at = newline + 1;
  }
  code.move_into(table);
  return table;
}

JitDump parse_jitdump(std::span<const uint8_t> bytes) {
  JitDump dump;
  LatestCode code;
  unwind::ByteCursor cursor(bytes);
  if (cursor.u32() != kMagic) return dump;
  cursor.u32();  // version
  const uint32_t header = cursor.u32();
  cursor.u32();  // machine
  cursor.u32();  // padding
  dump.pid = static_cast<int32_t>(cursor.u32());
  if (header < cursor.position()) return dump;
  cursor.skip(header - cursor.position());
  while (cursor.ok() && cursor.remaining() > 0) {
    const uint32_t id = cursor.u32();
    const uint32_t size = cursor.u32();
    cursor.skip(8);  // timestamp
    if (!cursor.ok() || size < 16) break;
    unwind::ByteCursor record(cursor.take(size - 16));
    if (id != kCodeLoad) continue;
    record.skip(16);  // pid, tid, address when it was written
    const uint64_t start = record.u64();
    const uint64_t length = record.u64();
    record.skip(8);  // number of the function
    const std::string_view name = record.text(4096);
    if (record.ok() && !name.empty())
      code.add(start, length, dump.functions.keep(std::string(name)));
  }
  code.move_into(dump.functions);
  return dump;
}

}  // namespace pgflame::symbolizer
