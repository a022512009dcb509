#include "symbolizer/recovery/resolvers.h"

#include <algorithm>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "symbolizer/recovery/code.h"

namespace pgflame::symbolizer {
namespace {

constexpr uint8_t kIfunc = 10;                // STT_GNU_IFUNC
constexpr uint64_t kMaxResolverBytes = 4096;  // they test a few bits each

bool is_better(std::string_view name, std::string_view than) {
  const bool is_private = name.starts_with('_');
  if (is_private != than.starts_with('_')) return !is_private;
  return name > than;
}

FunctionRange* unnamed_at(FunctionTable& functions, uint64_t start) {
  auto& ranges = functions.ranges();
  const auto found = std::ranges::lower_bound(ranges, start, {}, &FunctionRange::start);
  if (found == ranges.end() || found->start != start || !found->name.empty()) return nullptr;
  return &*found;
}

}  // namespace

bool chooses_variant(const ElfSymbol& symbol) {
  return symbol.type == kIfunc && symbol.defined();
}

void name_variants(const ElfImage& image, FunctionTable& functions) {
  std::map<uint64_t, std::string_view> names;  // by where the variant begins
  for (const ElfSymbol& symbol : image.symbols(".dynsym")) {
    if (!chooses_variant(symbol)) continue;
    const FunctionRange* resolver = functions.find(symbol.address);
    if (resolver == nullptr) continue;
    const uint64_t end = std::min(resolver->end, symbol.address + kMaxResolverBytes);
    for (const CodeReference& reference : code_references(image, symbol.address, end)) {
      if (reference.kind != CodeReference::Kind::kAddress) continue;
      if (unnamed_at(functions, reference.target) == nullptr) continue;
      const auto [row, is_new] = names.try_emplace(reference.target, symbol.name);
      if (!is_new && is_better(symbol.name, row->second)) row->second = symbol.name;
    }
  }
  for (const auto& [start, name] : names) {
    FunctionRange* variant = unnamed_at(functions, start);
    variant->name = name;
    variant->evidence = functions.keep(fmt::format("the resolver of {} chooses it", name));
    variant->tier = NameTier::kRecovered;
  }
}

}  // namespace pgflame::symbolizer
