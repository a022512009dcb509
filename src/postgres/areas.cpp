#include "src/postgres/areas.h"

#include <algorithm>
#include <optional>
#include <span>
#include <unordered_map>

#include "src/base/embedded_file.h"
#include "src/base/text.h"
#include "src/postgres/function_names.h"
#include "src/postgres/server_major.h"

namespace pgflame::postgres {

std::span<const EmbeddedFile> tables();  // made by cmake/Embed.cmake

namespace {

struct AreaText {
  std::string_view id;
  std::string_view title;
};
constexpr std::array<AreaText, kAreaCount> kAreas{{
    {"other", "Other code"},
    {"parser", "Parser and analysis"},
    {"planner", "Planner"},
    {"executor", "Executor"},
    {"expression", "Expressions and functions"},
    {"tuple", "Tuple deforming"},
    {"hash", "Hash tables"},
    {"sort", "Sorting"},
    {"index", "Indexes"},
    {"heap", "Heap and visibility"},
    {"buffer", "Buffers and files"},
    {"lock", "Locks"},
    {"wal", "WAL and replication"},
    {"transaction", "Transactions and snapshots"},
    {"memory", "Memory"},
    {"catalog", "Catalogue caches"},
    {"network", "Client protocol and TLS"},
    {"jit", "JIT"},
    {"utility", "Utility and background"},
    {"main", "Process and command loop"},
    {"kernel", "Kernel"},
    {"unnamed", "Unnamed"},
}};

using Names = std::unordered_map<std::string_view, Area>;

Names parse_table(std::string_view file) {
  Names names;
  for (const EmbeddedFile& table : tables()) {
    if (table.name != file) continue;
    names.reserve(static_cast<size_t>(std::ranges::count(table.text, '\n')));
    for (const std::string_view line : split(table.text, '\n')) {
      const auto tab = line.find('\t');
      if (tab == std::string_view::npos) continue;
      const std::string_view rest = line.substr(tab + 1);
      if (const auto area = area_by_id(rest.substr(0, rest.find('\t'))))
        names.emplace(line.substr(0, tab), *area);
    }
  }
  return names;
}

const Names& by_function() {
  static const Names names = parse_table("functions.tsv");
  return names;
}

const Names& by_file() {
  static const Names names = parse_table("files.tsv");
  return names;
}

struct Affix {
  std::string_view text;
  Area area;
};

// Families of functions that keep to one prefix in the Postgres sources; longest first where two
// overlap.
constexpr std::array kPrefixes{
    Affix{"ExecEval", Area::kExpression},
    Affix{"ExecJust", Area::kExpression},
    Affix{"ExecInterp", Area::kExpression},
    Affix{"ExecHash", Area::kHash},
    Affix{"ExecParallelHash", Area::kHash},
    Affix{"tuplehash_", Area::kHash},
    Affix{"hashagg_", Area::kHash},
    Affix{"agg_", Area::kExecutor},
    Affix{"hash_", Area::kHash},
    Affix{"hash_bytes", Area::kHash},
    Affix{"Exec", Area::kExecutor},
    Affix{"MultiExec", Area::kExecutor},
    Affix{"tts_", Area::kTuple},
    Affix{"slot_", Area::kTuple},
    Affix{"toast_", Area::kTuple},
    Affix{"detoast_", Area::kTuple},
    Affix{"pglz_", Area::kTuple},
    Affix{"heap_", Area::kHeap},
    Affix{"heapam_", Area::kHeap},
    Affix{"heapget", Area::kHeap},
    Affix{"HeapTuple", Area::kHeap},
    Affix{"visibilitymap_", Area::kHeap},
    Affix{"_bt_", Area::kIndex},
    Affix{"bt", Area::kIndex},
    Affix{"gin", Area::kIndex},
    Affix{"gist", Area::kIndex},
    Affix{"spg", Area::kIndex},
    Affix{"brin", Area::kIndex},
    Affix{"_hash_", Area::kIndex},
    Affix{"index_", Area::kIndex},
    Affix{"tuplesort_", Area::kSort},
    Affix{"comparetup_", Area::kSort},
    Affix{"qsort", Area::kSort},
    Affix{"tuplestore_", Area::kSort},
    Affix{"LogicalTape", Area::kSort},
    Affix{"BufTable", Area::kBuffer},
    Affix{"BufFile", Area::kBuffer},
    Affix{"Buffer", Area::kBuffer},
    Affix{"ReadBuffer", Area::kBuffer},
    Affix{"StrategyGet", Area::kBuffer},
    Affix{"smgr", Area::kBuffer},
    Affix{"md", Area::kBuffer},
    Affix{"pgaio_", Area::kBuffer},
    Affix{"LWLock", Area::kLock},
    Affix{"Lock", Area::kLock},
    Affix{"ProcSleep", Area::kLock},
    Affix{"XLog", Area::kWal},
    Affix{"WalSnd", Area::kWal},
    Affix{"ReorderBuffer", Area::kWal},
    Affix{"Transaction", Area::kTransaction},
    Affix{"SubTrans", Area::kTransaction},
    Affix{"SimpleLru", Area::kTransaction},
    Affix{"MultiXact", Area::kTransaction},
    Affix{"AllocSet", Area::kMemory},
    Affix{"MemoryContext", Area::kMemory},
    Affix{"palloc", Area::kMemory},
    Affix{"Generation", Area::kMemory},
    Affix{"Slab", Area::kMemory},
    Affix{"ResourceOwner", Area::kMemory},
    Affix{"SearchCat", Area::kCatalog},
    Affix{"SearchSys", Area::kCatalog},
    Affix{"Relation", Area::kCatalog},
    Affix{"pq_", Area::kNetwork},
    Affix{"be_tls", Area::kNetwork},
    Affix{"printtup", Area::kNetwork},
    Affix{"llvm", Area::kJit},
    Affix{"LLVM", Area::kJit},
    Affix{"evalexpr_", Area::kJit},
    Affix{"deform_", Area::kJit},
    Affix{"numeric_", Area::kExpression},
    Affix{"json", Area::kExpression},
    Affix{"text", Area::kExpression},
    Affix{"timestamp", Area::kExpression},
    Affix{"array_", Area::kExpression},
    Affix{"transform", Area::kParser},
    Affix{"raw_expression_", Area::kPlanner},
    Affix{"create_", Area::kPlanner},
    Affix{"exec_stmt", Area::kExecutor},
    Affix{"exec_eval", Area::kExecutor},
    Affix{"plpgsql_", Area::kExecutor},
    Affix{"SPI_", Area::kExecutor},
    Affix{"pgstat_", Area::kUtility},
    Affix{"vacuum_", Area::kUtility},
    Affix{"lazy_", Area::kUtility},
};

constexpr std::array kModules{
    Affix{"llvmjit", Area::kJit},
    Affix{"libLLVM", Area::kJit},
    Affix{"libcrypto", Area::kNetwork},
    Affix{"libssl", Area::kNetwork},
    Affix{"libgssapi", Area::kNetwork},
    Affix{"libicu", Area::kExpression},
    Affix{"plpgsql", Area::kExecutor},
    Affix{"liblz4", Area::kTuple},
    Affix{"libzstd", Area::kTuple},
    Affix{"libxml2", Area::kExpression},
    Affix{"pgoutput", Area::kWal},
    Affix{"pg_stat_", Area::kUtility},
};

std::optional<Area> find(const Names& names, std::string_view name) {
  const auto found = names.find(name);
  if (found == names.end()) return std::nullopt;
  return found->second;
}

std::string_view file_part(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

template <size_t N>
std::optional<Area> by_prefix(const std::array<Affix, N>& affixes, std::string_view name) {
  for (const Affix& affix : affixes) {
    if (name.starts_with(affix.text)) return affix.area;
  }
  return std::nullopt;
}

std::optional<Area> of_module(const Module& module) {
  switch (module.kind) {
    case ModuleKind::kKernel:
      return Area::kKernel;
    case ModuleKind::kJit:
      return Area::kJit;
    default:
      return by_prefix(kModules, file_part(module.path));
  }
}

}  // namespace

std::string_view id_of(Area area) {
  return kAreas[static_cast<size_t>(area)].id;
}

std::string_view title_of(Area area) {
  return kAreas[static_cast<size_t>(area)].title;
}

std::optional<Area> area_by_id(std::string_view id) {
  for (size_t i = 0; i < kAreas.size(); ++i) {
    if (kAreas[i].id == id) return static_cast<Area>(i);
  }
  return std::nullopt;
}

std::optional<Area> area_of_file(std::string_view file) {
  return find(by_file(), file_part(file));
}

Area area_of(const Profile& profile, FunctionId id) {
  const Function& function = profile.functions[id];
  static const Module no_module{};
  const bool has_module = function.module.valid() && profile.modules.contains(function.module);
  const Module& module = has_module ? profile.modules[function.module] : no_module;
  if (const auto area = of_module(module)) return *area;
  if (function.tier == NameTier::kNone) return Area::kUnnamed;
  if (function.tier == NameTier::kPlaced)
    return area_of_file(function.file).value_or(Area::kUnnamed);
  const std::string_view name = base_name(function.name);
  // A name from Postgres' tables in libc or an extension means something else there.
  if (!module.path.empty() && !is_server(module.path)) return Area::kOther;
  if (const auto area = find(by_function(), name)) return *area;
  if (const auto area = area_of_file(function.file)) return *area;
  return by_prefix(kPrefixes, name).value_or(Area::kOther);
}

}  // namespace pgflame::postgres
