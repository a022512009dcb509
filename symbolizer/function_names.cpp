#include "symbolizer/function_names.h"

#include <algorithm>
#include <optional>

#include "src/base/large_memory.h"
#include "symbolizer/plt_stubs.h"

namespace pgflame::symbolizer {
namespace {

constexpr uint8_t kWeak = 2;   // STB_WEAK
constexpr uint8_t kLocal = 0;  // STB_LOCAL
constexpr uint64_t kLargest = uint64_t{1} << 32;

int rank_of(const ElfSymbol& symbol) {
  int rank = symbol.size != 0 ? 8 : 0;
  if (symbol.is_code()) rank += 16;
  if (symbol.binding != kLocal) rank += 2;
  if (symbol.binding != kWeak) rank += 1;
  if (!symbol.name.starts_with('_')) rank += 4;
  return rank;
}

bool is_of_code(SectionFinder& sections, const ElfSymbol& symbol) {
  if (!symbol.defined() || (!symbol.is_code() && symbol.type != 0)) return false;
  if (symbol.size > kLargest) return false;
  const ElfSection* section = sections.at(symbol.address);
  return section != nullptr && section->executable();
}

// The symbol with its name, where that is a function's.
std::optional<ElfSymbol> named(const ElfSymbols& table, size_t index, ElfSymbol symbol) {
  symbol.name = table.name(index);
  if (symbol.name.empty() || symbol.name.starts_with("$")) return std::nullopt;
  return symbol;
}

// `use` gets the symbols of code that are `wanted`, which are without their names until then.
template <typename Wanted, typename Use>
void for_each_name(const ElfImage& image, const ElfSymbols& table, Wanted&& wanted, Use&& use) {
  SectionFinder sections(image);
  for (size_t i = 0; i < table.size(); ++i) {
    const ElfSymbol symbol = table.without_name(i);
    if (!is_of_code(sections, symbol) || !wanted(symbol)) continue;
    if (const auto found = named(table, i, symbol)) use(*found);
  }
}

bool has_names(const ElfImage& image, const ElfSymbols& table) {
  SectionFinder sections(image);
  for (size_t i = 0; i < table.size(); ++i) {
    const ElfSymbol symbol = table.without_name(i);
    if (is_of_code(sections, symbol) && named(table, i, symbol)) return true;
  }
  return false;
}

FunctionName name_of(const ElfSymbol& symbol, NameTier tier) {
  const FunctionRange range{
      .start = symbol.address, .entry = symbol.address, .name = symbol.name, .tier = tier};
  return {range, symbol.size, rank_of(symbol)};
}

FunctionName name_of(const PltStub& stub) {
  const FunctionRange range{.start = stub.start,
                            .entry = stub.start,
                            .name = stub.symbol,
                            .evidence = "PLT stub",
                            .tier = NameTier::kExported};
  return {range, stub.end - stub.start};
}

}  // namespace

FunctionNames::FunctionNames(const ElfImage& image, const ElfImage* debug) : image_(image) {
  tables_.push_back({image.symbol_table(".symtab")});
  if (debug != nullptr) tables_.push_back({debug->symbol_table(".symtab")});
  // A full table has the exported symbols too; MiniDebugInfo holds only the others.
  const bool full = std::ranges::any_of(
      tables_, [&](const Table& table) { return has_names(image, table.symbols); });
  tables_.push_back({image.symbol_table(".dynsym"), full ? NameTier::kFull : NameTier::kExported});
}

std::vector<FunctionName> FunctionNames::all() const {
  std::vector<FunctionName> names;
  for (const Table& table : tables_) {
    reserve_large(names, names.size() + table.symbols.size());
    for_each_name(
        image_,
        table.symbols,
        [](const ElfSymbol&) { return true; },
        [&](const ElfSymbol& symbol) { names.push_back(name_of(symbol, table.tier)); });
  }
  for (const PltStub& stub : plt_stubs(image_))
    names.push_back(name_of(stub));
  return names;
}

// By address: where the last name at or before it begins, if none of them is nearer to one before.
std::vector<uint64_t> FunctionNames::last_starts(const AddressSet& addresses) const {
  std::vector<uint64_t> last(addresses.addresses().size());
  for (const Table& table : tables_) {
    for_each_name(
        image_,
        table.symbols,
        [&](const ElfSymbol& symbol) {
          const size_t next = addresses.first_from(symbol.address);
          return next < last.size() && symbol.address > last[next];
        },
        [&](const ElfSymbol& symbol) {
          last[addresses.first_from(symbol.address)] = symbol.address;
        });
  }
  return last;
}

// Those of symbols that are wanted, and of the stubs that have one of the addresses in them.
template <typename Wanted>
std::vector<FunctionName> FunctionNames::chosen(const AddressSet& of_stubs, Wanted&& wanted) const {
  std::vector<FunctionName> names;
  for (const Table& table : tables_) {
    for_each_name(image_, table.symbols, wanted, [&](const ElfSymbol& symbol) {
      names.push_back(name_of(symbol, table.tier));
    });
  }
  for (const PltStub& stub : plt_stubs(image_, &of_stubs))
    names.push_back(name_of(stub));
  return names;
}

std::vector<FunctionName> FunctionNames::near(const AddressSet& addresses) const {
  const std::vector<uint64_t> last = last_starts(addresses);
  return chosen(addresses, [&](const ElfSymbol& symbol) {
    const size_t next = addresses.first_from(symbol.address);
    if (next == last.size()) return false;
    return addresses.addresses()[next] - symbol.address < symbol.size ||
           symbol.address == last[next];
  });
}

std::vector<FunctionName> FunctionNames::at(const AddressSet& addresses) const {
  return chosen(addresses,
                [&](const ElfSymbol& symbol) { return addresses.has_any_in(symbol.address, 1); });
}

std::vector<uint64_t> FunctionNames::starts_of(
    const std::unordered_set<std::string_view>& names) const {
  std::vector<uint64_t> starts;
  for (const Table& table : tables_) {
    for_each_name(
        image_,
        table.symbols,
        [](const ElfSymbol&) { return true; },
        [&](const ElfSymbol& symbol) {
          if (names.contains(symbol.name)) starts.push_back(symbol.address);
        });
  }
  for (const PltStub& stub : plt_stubs(image_)) {
    if (names.contains(stub.symbol)) starts.push_back(stub.start);
  }
  return starts;
}

}  // namespace pgflame::symbolizer
