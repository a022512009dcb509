#include "symbolizer/function_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "src/base/large_memory.h"

namespace pgflame::symbolizer {
namespace {

constexpr uint8_t kWeak = 2;   // STB_WEAK
constexpr uint8_t kLocal = 0;  // STB_LOCAL
constexpr uint64_t kLargest = uint64_t{1} << 32;

// A name for a function.
struct Candidate {
  FunctionRange range;  // without its end
  uint64_t size = 0;    // 0: it ends where the next begins
  int rank = 0;         // of several names for one address the highest wins
};

// A function with or without a name; libraries have hundreds of thousands of those without.
struct Piece {
  static constexpr uint32_t kUnnamed = UINT32_MAX;

  uint64_t start = 0;
  uint64_t end = 0;
  uint32_t candidate = kUnnamed;  // the one that names it
  bool has_size = true;
};

int rank_of(const ElfSymbol& symbol) {
  int rank = symbol.size != 0 ? 8 : 0;
  if (symbol.is_code()) rank += 16;
  if (symbol.binding != kLocal) rank += 2;
  if (symbol.binding != kWeak) rank += 1;
  if (!symbol.name.starts_with('_')) rank += 4;
  return rank;
}

bool names_code(SectionFinder& sections, const ElfSymbol& symbol) {
  if (!symbol.defined() || symbol.name.empty() || symbol.name.starts_with("$")) return false;
  if ((!symbol.is_code() && symbol.type != 0) || symbol.size > kLargest) return false;
  const ElfSection* section = sections.at(symbol.address);
  return section != nullptr && section->executable();
}

void add_symbols(const ElfImage& image,
                 const std::vector<ElfSymbol>& symbols,
                 NameTier tier,
                 std::vector<Candidate>& candidates) {
  SectionFinder sections(image);
  reserve_large(candidates, candidates.size() + symbols.size());
  for (const ElfSymbol& symbol : symbols) {
    if (!names_code(sections, symbol)) continue;
    const FunctionRange range{
        .start = symbol.address, .entry = symbol.address, .name = symbol.name, .tier = tier};
    candidates.push_back({range, symbol.size, rank_of(symbol)});
  }
}

// A PLT stub jumps through a slot of .got.
struct Stub {
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t slot = 0;
};

// [endbr64] [bnd] jmp *(rip).
std::vector<Stub> stubs_x86_64(const ElfSection& section) {
  std::vector<Stub> stubs;
  const uint64_t step = section.name == ".plt.got" && section.bytes.size() % 16 != 0 ? 8 : 16;
  for (uint64_t at = 0; at + step <= section.bytes.size(); at += step) {
    const uint64_t start = section.address + at;
    for (uint64_t i = at; i + 6 <= at + step; ++i) {
      if (section.bytes[i] != 0xff || section.bytes[i + 1] != 0x25) continue;
      int32_t displacement = 0;
      std::memcpy(&displacement, &section.bytes[i + 2], sizeof displacement);
      const uint64_t next = section.address + i + 6;
      stubs.push_back({start, start + step, next + static_cast<uint64_t>(int64_t{displacement})});
      break;
    }
  }
  return stubs;
}

// adrp x16, PAGE; ldr x17, [x16, OFFSET]; add; br x17.
std::vector<Stub> stubs_aarch64(const ElfSection& section) {
  std::vector<Stub> stubs;
  for (uint64_t at = 0; at + 16 <= section.bytes.size(); at += 4) {
    std::array<uint32_t, 2> words{};
    std::memcpy(words.data(), &section.bytes[at], sizeof words);
    if ((words[0] & 0x9f00001f) != 0x90000010 || (words[1] & 0xffc003ff) != 0xf9400211) continue;
    const uint64_t start = section.address + at;
    const auto pages = static_cast<int64_t>((words[0] >> 5 & 0x7ffff) << 2 | (words[0] >> 29 & 3));
    const int64_t distance = (pages ^ 0x100000) - 0x100000;
    const uint64_t page = (start & ~uint64_t{0xfff}) + (static_cast<uint64_t>(distance) << 12);
    stubs.push_back({start, start + 16, page + (uint64_t{words[1] >> 10 & 0xfff} << 3)});
  }
  return stubs;
}

void add_plt(const ElfImage& image, std::vector<Candidate>& candidates) {
  const bool arm = image.machine() == Machine::kAarch64;
  if (!arm && image.machine() != Machine::kX8664) return;
  const std::vector<ElfImport> imports = image.imports();
  for (const ElfSection& section : image.sections()) {
    if (!section.executable() || !section.name.starts_with(".plt")) continue;
    for (const Stub& stub : arm ? stubs_aarch64(section) : stubs_x86_64(section)) {
      const auto import = std::ranges::lower_bound(imports, stub.slot, {}, &ElfImport::slot);
      if (import == imports.end() || import->slot != stub.slot || import->symbol.empty()) continue;
      candidates.push_back({{.start = stub.start,
                             .entry = stub.start,
                             .name = import->symbol,
                             .evidence = "PLT stub",
                             .tier = NameTier::kExported},
                            stub.end - stub.start});
    }
  }
}

// Of those without a size; they are sorted by start.
void end_where_next_begins(std::vector<Piece>& pieces) {
  uint64_t next = UINT64_MAX;
  for (size_t i = pieces.size(); i-- > 0;) {
    Piece& piece = pieces[i];
    if (!piece.has_size) piece.end = std::min(piece.end, next);
    if (i > 0 && pieces[i - 1].start != piece.start) next = piece.start;
  }
}

FunctionRange range_of(const Piece& piece, const std::vector<Candidate>& named) {
  FunctionRange range{.start = piece.start, .end = piece.end, .entry = piece.start};
  if (piece.candidate == Piece::kUnnamed) return range;
  range = named[piece.candidate].range;
  range.end = piece.end;
  return range;
}

// Moves what ends before `at` from the enclosing ranges to the flat ones.
void close_until(uint64_t at, std::vector<FunctionRange>& open, std::vector<FunctionRange>& flat) {
  while (!open.empty()) {
    FunctionRange& top = open.back();
    const uint64_t end = std::min(top.end, at);
    if (top.start < end) {
      flat.push_back(top);
      flat.back().end = end;
    }
    if (top.end > at) {
      top.start = at;
      break;
    }
    const uint64_t done = top.end;
    open.pop_back();
    if (!open.empty()) open.back().start = std::max(open.back().start, done);
  }
}

// Cuts nested and overlapping ranges, sorted, so that every address belongs to the innermost one.
std::vector<FunctionRange> flatten(std::vector<Piece> pieces, const std::vector<Candidate>& named) {
  std::vector<FunctionRange> flat;
  reserve_large(flat, pieces.size());
  std::vector<FunctionRange> open;  // enclosing ranges, outermost first
  end_where_next_begins(pieces);
  uint64_t last = 0;
  bool any = false;
  for (const Piece& piece : pieces) {
    if (any && piece.start == last) continue;  // a worse name for the same place
    if (piece.end <= piece.start) continue;
    close_until(piece.start, open, flat);
    if (open.size() < 64) open.push_back(range_of(piece, named));
    last = piece.start;
    any = true;
  }
  close_until(UINT64_MAX, open, flat);
  return flat;
}

// Finds the unwind entries of addresses that only grow.
class BoundsWalk {
 public:
  explicit BoundsWalk(std::span<const FunctionBounds> bounds) : bounds_(bounds) {}

  // The entry that covers the address.
  const FunctionBounds* at(uint64_t vaddr) {
    while (after_ < bounds_.size() && bounds_[after_].start <= vaddr)
      ++after_;
    return after_ > 0 && vaddr < bounds_[after_ - 1].end ? &bounds_[after_ - 1] : nullptr;
  }
  // Where the first entry behind it begins.
  uint64_t next_start() const {
    return after_ < bounds_.size() ? bounds_[after_].start : UINT64_MAX;
  }

 private:
  std::span<const FunctionBounds> bounds_;
  size_t after_ = 0;
};

uint64_t end_of(SectionFinder& sections, BoundsWalk& bounds, const Candidate& candidate) {
  const uint64_t start = candidate.range.start;
  const FunctionBounds* unwind = bounds.at(start);
  if (candidate.size == 0) {  // hand-written code; cut at the next name later
    if (unwind != nullptr) return unwind->end;
    const ElfSection* section = sections.at(start);
    const uint64_t end = section == nullptr ? UINT64_MAX : section->address + section->size;
    return std::min(end, bounds.next_start());
  }
  const uint64_t end = start + candidate.size;
  // An assembler function may hold several unwind entries, so only one that starts with the symbol
  // bounds it.
  const bool same_start = unwind != nullptr && unwind->start == start;
  return same_start ? std::min(end, std::max(unwind->end, start + 1)) : end;
}

struct Place {
  uint64_t start = 0;
  int rank = 0;
  uint32_t candidate = 0;
};

// By start, and the best name first; of equally good ones the one that was found first.
std::vector<Place> in_order(const std::vector<Candidate>& candidates) {
  std::vector<Place> places;
  reserve_large(places, candidates.size());
  for (const Candidate& candidate : candidates)
    places.push_back({candidate.range.start, candidate.rank, static_cast<uint32_t>(places.size())});
  std::ranges::sort(places, {}, [](const Place& place) {
    return std::tuple(place.start, -place.rank, place.candidate);
  });
  return places;
}

// In order, with their ends and with the functions that only the unwind table knows.
std::vector<Piece> with_unnamed(const ElfImage& image,
                                std::span<const FunctionBounds> bounds,
                                const std::vector<Candidate>& named) {
  std::vector<Piece> all;
  reserve_large(all, named.size() + bounds.size());
  uint64_t covered = 0;  // everything below belongs to a symbol seen so far
  SectionFinder sections(image);
  BoundsWalk walk(bounds);
  auto row = bounds.begin();
  const auto add_unnamed_before = [&](uint64_t end) {
    for (; row != bounds.end() && row->start < end; ++row) {
      if (row->start >= covered) all.push_back({.start = row->start, .end = row->end});
    }
  };
  for (const Place& place : in_order(named)) {
    add_unnamed_before(place.start);
    const Candidate& candidate = named[place.candidate];
    const uint64_t end = end_of(sections, walk, candidate);
    all.push_back({place.start, end, place.candidate, candidate.size != 0});
    covered = std::max(covered, end);
  }
  add_unnamed_before(UINT64_MAX);
  return all;
}

void link_fragments(std::vector<FunctionRange>& ranges) {
  std::vector<FunctionRange*> parts;
  for (FunctionRange& range : ranges) {
    if (without_clone_suffix(range.name).size() != range.name.size()) parts.push_back(&range);
  }
  if (parts.empty()) return;
  std::unordered_map<std::string_view, std::optional<uint64_t>> wholes;
  for (const FunctionRange* part : parts)
    wholes.try_emplace(without_clone_suffix(part->name));
  for (const FunctionRange& range : ranges) {
    const auto whole = wholes.find(range.name);
    if (whole != wholes.end() && !whole->second) whole->second = range.entry;
  }
  for (FunctionRange* part : parts) {
    const auto& entry = wholes.find(without_clone_suffix(part->name))->second;
    if (entry) part->entry = *entry;
  }
}

}  // namespace

FunctionTable FunctionTable::from_image(const ElfImage& image,
                                        std::span<const FunctionBounds> bounds,
                                        const ElfImage* debug) {
  std::vector<Candidate> candidates;
  add_symbols(image, image.symbols(".symtab"), NameTier::kFull, candidates);
  if (debug != nullptr) {
    add_symbols(image, debug->symbols(".symtab"), NameTier::kFull, candidates);
  }
  // A full table has the exported symbols too; MiniDebugInfo holds only the others.
  const NameTier exported = candidates.empty() ? NameTier::kExported : NameTier::kFull;
  add_symbols(image, image.symbols(".dynsym"), exported, candidates);
  add_plt(image, candidates);
  FunctionTable table;
  table.ranges_ = flatten(with_unnamed(image, bounds, candidates), candidates);
  link_fragments(table.ranges_);
  return table;
}

FunctionTable FunctionTable::from_symbols(std::vector<FunctionRange> ranges) {
  FunctionTable table;
  table.ranges_ = std::move(ranges);
  std::ranges::stable_sort(table.ranges_, {}, &FunctionRange::start);
  return table;
}

const FunctionRange* FunctionTable::find(uint64_t vaddr) const {
  const auto after = std::ranges::upper_bound(ranges_, vaddr, {}, &FunctionRange::start);
  if (after == ranges_.begin()) return nullptr;
  const FunctionRange& range = *std::prev(after);
  return vaddr < range.end ? &range : nullptr;
}

std::string_view without_clone_suffix(std::string_view name) {
  constexpr std::array<std::string_view, 7> kMarks{
      ".cold", ".part.", ".constprop.", ".isra.", ".lto_priv.", ".llvm.", ".localalias"};
  size_t end = name.size();
  if (name.find('.', 1) == std::string_view::npos) return name;
  for (const std::string_view mark : kMarks) {
    end = std::min(end, name.find(mark, 1));
  }
  return name.substr(0, end);
}

}  // namespace pgflame::symbolizer
