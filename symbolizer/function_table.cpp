#include "symbolizer/function_table.h"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "src/base/large_memory.h"
#include "src/base/rows.h"
#include "symbolizer/address_set.h"
#include "symbolizer/function_names.h"

namespace pgflame::symbolizer {
namespace {

// A function with or without a name; libraries have hundreds of thousands of those without.
struct Piece {
  static constexpr uint32_t kUnnamed = UINT32_MAX;

  uint64_t start = 0;
  uint64_t end = 0;
  uint32_t candidate = kUnnamed;  // the one that names it
  bool has_size = true;
};

// Of those without a size; they are sorted by start.
void end_where_next_begins(std::vector<Piece>& pieces) {
  uint64_t next = UINT64_MAX;
  for (size_t i = pieces.size(); i-- > 0;) {
    Piece& piece = pieces[i];
    if (!piece.has_size) piece.end = std::min(piece.end, next);
    if (i > 0 && pieces[i - 1].start != piece.start) next = piece.start;
  }
}

FunctionRange range_of(const Piece& piece, const std::vector<FunctionName>& named) {
  FunctionRange range{.start = piece.start, .end = piece.end, .entry = piece.start};
  if (piece.candidate == Piece::kUnnamed) return range;
  range = named[piece.candidate].range;
  range.end = piece.end;
  return range;
}

// Moves what ends before `at` from the enclosing ranges to the flat ones.
void close_until(uint64_t at, std::vector<FunctionRange>& open, std::vector<FunctionRange>& flat) {
  uint64_t done = 0;  // up to where ranges that ended were flattened
  while (!open.empty()) {
    FunctionRange& top = open.back();
    top.start = std::max(top.start, done);
    const uint64_t end = std::min(top.end, at);
    if (top.start < end) {
      flat.push_back(top);
      flat.back().end = end;
    }
    if (top.end > at) {
      top.start = at;
      break;
    }
    done = std::max(done, top.end);
    open.pop_back();
  }
}

// Cuts nested and overlapping ranges, sorted, so that every address belongs to the innermost one.
std::vector<FunctionRange> flatten(std::vector<Piece> pieces,
                                   const std::vector<FunctionName>& named) {
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

uint64_t end_of(SectionFinder& sections, BoundsWalk& bounds, const FunctionName& candidate) {
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
std::vector<Place> in_order(const std::vector<FunctionName>& candidates) {
  std::vector<Place> places;
  reserve_large(places, candidates.size());
  for (const FunctionName& candidate : candidates)
    places.push_back({candidate.range.start, candidate.rank, static_cast<uint32_t>(places.size())});
  std::ranges::sort(places, {}, [](const Place& place) {
    return std::tuple(place.start, -place.rank, place.candidate);
  });
  return places;
}

// In order, with their ends and with the functions that only the unwind table knows.
std::vector<Piece> with_unnamed(const ElfImage& image,
                                std::span<const FunctionBounds> bounds,
                                const std::vector<FunctionName>& named) {
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
    const FunctionName& candidate = named[place.candidate];
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

std::vector<uint64_t> starts_in(const std::vector<FunctionBounds>& bounds) {
  std::vector<uint64_t> starts;
  starts.reserve(bounds.size());
  for (const FunctionBounds& row : bounds)
    starts.push_back(row.start);
  return starts;
}

std::vector<uint64_t> starts_in(const std::vector<FunctionName>& names) {
  std::vector<uint64_t> starts;
  starts.reserve(names.size());
  for (const FunctionName& name : names)
    starts.push_back(name.range.start);
  return starts;
}

bool all_covered(const std::vector<uint64_t>& addresses, std::span<const FunctionBounds> bounds) {
  BoundsWalk walk(bounds);
  return std::ranges::all_of(addresses,
                             [&](uint64_t address) { return walk.at(address) != nullptr; });
}

// What they were split off from.
std::unordered_set<std::string_view> wholes_of_fragments(const std::vector<FunctionName>& names) {
  std::unordered_set<std::string_view> wholes;
  for (const FunctionName& name : names) {
    const std::string_view whole = without_clone_suffix(name.range.name);
    if (whole.size() != name.range.name.size()) wholes.insert(whole);
  }
  return wholes;
}

}  // namespace

FunctionTable FunctionTable::from_image(const ElfImage& image,
                                        std::span<const FunctionBounds> bounds,
                                        const ElfImage* debug) {
  FunctionTable table;
  table.lay_out(image, bounds, FunctionNames(image, debug).all());
  return table;
}

std::optional<FunctionTable> FunctionTable::from_image_at(const ElfImage& image,
                                                          std::vector<uint64_t> addresses,
                                                          const ElfImage* debug) {
  const auto index = BoundsIndex::open(image);
  if (!index) return std::nullopt;
  const AddressSet asked(std::move(addresses));
  auto bounds = index->near(asked, BoundsIndex::Side::kBefore);
  if (!bounds) return std::nullopt;
  if (!all_covered(asked.addresses(), *bounds) && !index->is_whole()) return std::nullopt;
  // A function that only the unwind table knows is none where a symbol covers its start.
  const AddressSet deciding = asked.with(AddressSet(starts_in(*bounds)));
  const FunctionNames functions(image, debug);
  std::vector<FunctionName> names = functions.near(deciding);
  // Of several names of one place the best one counts, even where it does not reach the address.
  std::vector<uint64_t> places = starts_in(names);
  const auto wholes = wholes_of_fragments(names);
  if (!wholes.empty()) std::ranges::copy(functions.starts_of(wholes), std::back_inserter(places));
  names = functions.at(AddressSet(std::move(places)));
  const auto of_names = index->near(AddressSet(starts_in(names)), BoundsIndex::Side::kBoth);
  if (!of_names) return std::nullopt;
  bounds->insert(bounds->end(), of_names->begin(), of_names->end());
  std::ranges::sort(*bounds, {}, &FunctionBounds::start);
  drop_repeated(*bounds, &FunctionBounds::start);
  FunctionTable table;
  table.lay_out(image, *bounds, names);
  return table;
}

void FunctionTable::lay_out(const ElfImage& image,
                            std::span<const FunctionBounds> bounds,
                            const std::vector<FunctionName>& names) {
  ranges_ = flatten(with_unnamed(image, bounds, names), names);
  link_fragments(ranges_);
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
