#include "src/profile/address_space.h"

#include <algorithm>
#include <array>

#include "src/base/text.h"

namespace pgflame {
namespace {

// Libraries that make code at run time: PostgreSQL's own provider, PL/v8, PL/Java, LuaJIT, PCRE2,
// Numba in PL/Python.
constexpr std::array<std::string_view, 8> kCodeMakers{"/llvmjit",
                                                      "/plv8",
                                                      "/libv8",
                                                      "/libjvm",
                                                      "/libluajit",
                                                      "/libpcre2-",
                                                      "/libmozjs",
                                                      "/libllvmlite"};

}  // namespace

void AddressSpace::add(uint64_t start, uint64_t end, MappingId mapping) {
  if (start >= end) return;
  auto first = std::ranges::lower_bound(ranges_, start, {}, &Range::end);
  while (first != ranges_.end() && first->end <= start)
    ++first;
  auto last = first;
  std::vector<Range> pieces;
  while (last != ranges_.end() && last->start < end) {
    if (last->start < start) pieces.push_back({last->start, start, last->mapping});
    if (last->end > end) pieces.push_back({end, last->end, last->mapping});
    ++last;
  }
  pieces.push_back({start, end, mapping});
  std::ranges::sort(pieces, {}, &Range::start);
  const auto at = ranges_.erase(first, last);
  ranges_.insert(at, pieces.begin(), pieces.end());
}

AddressSpace::Range AddressSpace::range_at(uint64_t address) const {
  const auto after = std::ranges::upper_bound(ranges_, address, {}, &Range::start);
  if (after == ranges_.begin()) return {};
  const Range& range = *std::prev(after);
  return address < range.end ? range : Range{};
}

namespace {

std::string_view take_field(std::string_view& line) {
  const auto blank = line.find(' ');
  const std::string_view field = line.substr(0, blank);
  line.remove_prefix(
      std::min(line.size(), blank == std::string_view::npos ? line.size() : blank + 1));
  return field;
}

}  // namespace

std::vector<MapsLine> parse_maps(std::string_view text) {
  std::vector<MapsLine> lines;
  for (std::string_view line : split(text, '\n')) {
    const auto range = split(take_field(line), '-');
    const std::string_view permissions = take_field(line);
    const auto offset = parse_u64(take_field(line), 16);
    const std::string_view device = take_field(line);
    const auto inode = parse_u64(take_field(line));
    if (range.size() != 2 || permissions.size() < 4 || !offset || !inode) continue;
    const auto start = parse_u64(range[0], 16);
    const auto end = parse_u64(range[1], 16);
    if (!start || !end) continue;
    lines.push_back({*start, *end, *offset, permissions[2] == 'x', device, *inode, trim(line)});
  }
  return lines;
}

ModuleKind kind_of_mapping(std::string_view path) {
  if (path == "[vdso]") return ModuleKind::kVdso;
  if (path.starts_with("[kernel") || path.starts_with("[guest.kernel")) return ModuleKind::kKernel;
  if (path.empty() || path.starts_with("//anon") || path.starts_with("/memfd:") ||
      path.starts_with("/dev/zero") || path.starts_with("/anon_hugepage") ||
      path.starts_with("/SYSV") || path.starts_with("anon_inode:")) {
    return ModuleKind::kAnonymous;
  }
  if (path.front() == '[') return ModuleKind::kAnonymous;
  return ModuleKind::kFile;
}

bool makes_code(std::string_view path) {
  return std::any_of(kCodeMakers.begin(), kCodeMakers.end(), [&](std::string_view maker) {
    return path.find(maker) != std::string_view::npos;
  });
}

// The kernel keeps the instructions that probes have replaced in "[uprobes]".
ModuleKind kind_of_code(std::string_view path, bool beside_code_maker) {
  const ModuleKind kind = kind_of_mapping(path);
  if (kind != ModuleKind::kAnonymous || path == "[vsyscall]") return kind;
  return beside_code_maker || path == "[uprobes]" ? ModuleKind::kJit : kind;
}

}  // namespace pgflame
