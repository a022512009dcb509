#include "symbolizer/list_symbols.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "symbolizer/debug_package.h"
#include "symbolizer/demangle.h"
#include "symbolizer/module_symbols.h"

namespace pgflame::symbolizer {
namespace {

std::string_view default_evidence(NameTier tier) {
  switch (tier) {
    case NameTier::kFull:
      return "symbol table";
    case NameTier::kExported:
      return "exported symbol";
    default:
      return "only its bounds are known, from .eh_frame";
  }
}

// What would name the functions that have no name; empty when nothing tells.
std::string package_of(const std::string& path) {
  std::error_code error;
  const std::string real = std::filesystem::canonical(path, error).string();
  const std::string known = debug_package(real);
  return known.empty() && !real.empty() ? installed_debug_package(real) : known;
}

ListedSymbol listed(const FunctionRange& range, std::string_view file_name) {
  ListedSymbol row;
  row.vaddr = range.start;
  row.size = range.end - range.start;
  const std::string_view whole = without_clone_suffix(range.name);
  row.name = demangle(whole);
  if (row.name.empty()) row.name = fmt::format("[unnamed] {}+{:#x}", file_name, range.entry);
  row.file = range.file;
  row.tier = range.tier;
  row.evidence = range.evidence.empty() ? default_evidence(range.tier) : range.evidence;
  if (whole.size() != range.name.size()) row.evidence += fmt::format(", there {}", range.name);
  return row;
}

void add_package(const std::string& path, std::vector<ListedSymbol>& rows) {
  const auto unnamed = [](const ListedSymbol& row) { return row.tier == NameTier::kNone; };
  if (std::ranges::none_of(rows, unnamed)) return;
  const std::string package = package_of(path);
  if (package.empty()) return;
  for (ListedSymbol& row : rows) {
    if (unnamed(row)) row.evidence += fmt::format("; install {} for its name", package);
  }
}

ListedAddress located(uint64_t vaddr, const ModuleSymbols& symbols) {
  ListedAddress row;
  row.vaddr = vaddr;
  const auto& ranges = symbols.functions.ranges();
  const FunctionRange* range = symbols.functions.find(vaddr);
  if (range != nullptr) row.symbol = static_cast<size_t>(range - ranges.data());
  if (symbols.inlined == nullptr) return row;
  row.sources = symbols.inlined->at(vaddr);
  for (SourceFrame& source : row.sources)
    source.name = demangle(source.name);
  return row;
}

void measure_code(const ModuleSymbols& symbols, Listing& listing) {
  for (const ElfSection& section : symbols.image->sections()) {
    if (section.executable()) listing.code_bytes += section.bytes.size();
  }
  uint64_t known = 0;
  for (const ListedSymbol& row : listing.symbols)
    known += row.size;
  listing.unknown_bytes = listing.code_bytes - std::min(known, listing.code_bytes);
  listing.no_unwind = symbols.unwound_bytes < listing.code_bytes / 10;
}

}  // namespace

Result<Listing> list_symbols(const std::string& path,
                             const Options& options,
                             std::span<const uint64_t> addresses) {
  auto symbols = open_module_file(path, options);
  if (!symbols) return fail(std::move(symbols).error());
  const std::string_view file_name = std::string_view(path).substr(path.rfind('/') + 1);
  Listing listing;
  for (const FunctionRange& range : (*symbols)->functions.ranges())
    listing.symbols.push_back(listed(range, file_name));
  add_package(path, listing.symbols);
  measure_code(**symbols, listing);
  for (const uint64_t vaddr : addresses)
    listing.addresses.push_back(located(vaddr, **symbols));
  return listing;
}

}  // namespace pgflame::symbolizer
