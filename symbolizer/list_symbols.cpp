#include "symbolizer/list_symbols.h"

#include <fmt/format.h>

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

}  // namespace

Result<std::vector<ListedSymbol>> list_symbols(const std::string& path, const Options& options) {
  Module module;
  module.kind = ModuleKind::kFile;
  module.path = path;
  auto symbols = open_module_file(path, options);
  if (!symbols) return fail(std::move(symbols).error());
  const size_t slash = path.rfind('/');
  const std::string file_name = slash == std::string::npos ? path : path.substr(slash + 1);
  std::vector<ListedSymbol> rows;
  for (const FunctionRange& range : (*symbols)->functions.ranges()) {
    ListedSymbol row;
    row.vaddr = range.start;
    row.size = range.end - range.start;
    row.name = demangle(without_clone_suffix(range.name));
    if (row.name.empty()) row.name = fmt::format("[unnamed] {}+{:#x}", file_name, range.entry);
    row.file = range.file;
    row.tier = range.tier;
    row.evidence = range.evidence.empty() ? default_evidence(range.tier) : range.evidence;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace pgflame::symbolizer
