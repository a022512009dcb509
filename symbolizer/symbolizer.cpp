#include "symbolizer/symbolizer.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <unordered_map>

#include <fmt/format.h>

#include "src/base/file.h"
#include "symbolizer/demangle.h"
#include "symbolizer/kernel_symbols.h"
#include "symbolizer/missing_symbols.h"
#include "symbolizer/module_symbols.h"

namespace pgflame::symbolizer {
namespace {

constexpr size_t kMaxKallsyms = size_t{64} << 20;

std::string_view file_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return name.empty() ? "unknown" : name;
}

// What is known about one place of a module: a named or unnamed function, or why there is none.
struct Place {
  const FunctionRange* range = nullptr;
  uint64_t address = 0;  // in the file where there is one, else in the process
  Unnamed reason = Unnamed::kNamed;
};

class Namer {
 public:
  Namer(Profile profile, const Options& options)
      : profile_(std::move(profile)), options_(options) {}

  Profile run() && {
    collect();
    load_modules();
    for (const LocationId id : wanted_)
      name_location(id);
    return std::move(profile_);
  }

 private:
  bool wants_name(const Location& location) const;
  void collect();
  void load_modules();
  void load_kernel();
  void name_location(LocationId id);
  Place place_of(const Location& location) const;
  FunctionId function_at(ModuleId module, const Place& place);
  Function describe(ModuleId module, const Place& place) const;
  void set_line(LocationId id, FunctionId function);

  Profile profile_;
  const Options& options_;
  std::vector<LocationId> wanted_;
  std::vector<std::unique_ptr<ModuleSymbols>> modules_;  // by ModuleId; null where not needed
  KernelSymbols kernel_;
  std::map<std::pair<ModuleId, uint64_t>, FunctionId> functions_;  // by where they begin
};

bool Namer::wants_name(const Location& location) const {
  if (location.address == 0) return false;
  if (location.line_count == 0) return true;
  // Without a mapping nothing better can be said than what the input said.
  if (location.line_count > 1 || !location.mapping.valid()) return false;
  const Function& function = profile_.functions[profile_.lines[location.first_line].function];
  return function.tier == NameTier::kNone && function.unnamed != Unnamed::kNamed;
}

void Namer::collect() {
  for (size_t i = 0; i < profile_.locations.size(); ++i) {
    const LocationId id = profile_.locations.id_at(i);
    if (wants_name(profile_.locations[id])) wanted_.push_back(id);
  }
}

void Namer::load_modules() {
  modules_.resize(profile_.modules.size());
  std::vector<ModuleId> files;
  bool kernel = false;
  std::vector<bool> seen(profile_.modules.size());
  for (const LocationId id : wanted_) {
    const MappingId mapping = profile_.locations[id].mapping;
    if (!mapping.valid()) continue;
    const ModuleId module = profile_.mappings[mapping].module;
    if (!module.valid() || seen[module.value]) continue;
    seen[module.value] = true;
    const ModuleKind kind = profile_.modules[module].kind;
    if (kind == ModuleKind::kFile) files.push_back(module);
    kernel = kernel || kind == ModuleKind::kKernel;
  }
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i = next++; i < files.size(); i = next++) {
      modules_[files[i].value] = load_module(profile_.modules[files[i]], options_);
    }
  };
  std::jthread helper(work);
  if (kernel) load_kernel();
  work();
}

void Namer::load_kernel() {
  kernel_.hidden = true;
  if (!options_.this_host) return;
  if (auto text = read_file("/proc/kallsyms", kMaxKallsyms)) {
    kernel_ = parse_kallsyms(std::move(*text));
  }
}

Place Namer::place_of(const Location& location) const {
  Place place{.address = location.address};
  if (!location.mapping.valid()) {
    place.reason = Unnamed::kNoMapping;
    return place;
  }
  const Mapping& mapping = profile_.mappings[location.mapping];
  const ModuleKind kind =
      mapping.module.valid() ? profile_.modules[mapping.module].kind : ModuleKind::kUnknown;
  switch (kind) {
    case ModuleKind::kKernel:
      place.range = kernel_.table.find(location.address);
      place.reason = kernel_.hidden ? Unnamed::kKernelHidden : Unnamed::kNoSymbols;
      return place;
    case ModuleKind::kJit:
      place.reason = Unnamed::kJit;
      return place;
    case ModuleKind::kFile:
      break;
    default:
      place.reason = Unnamed::kNoSymbols;
      return place;
  }
  const ModuleSymbols& symbols = *modules_[mapping.module.value];
  place.reason = symbols.reason;
  const auto address = symbols.file_address(mapping, location.address);
  if (!address) {
    place.address = location.address - mapping.start + mapping.file_offset;
    return place;
  }
  place.address = *address;
  place.range = symbols.functions.find(*address);
  if (place.reason == Unnamed::kNamed) place.reason = Unnamed::kNoSymbols;
  return place;
}

Function Namer::describe(ModuleId module, const Place& place) const {
  Function function;
  function.module = module;
  function.start = place.range != nullptr ? place.range->entry : place.address;
  if (place.range != nullptr && !place.range->name.empty()) {
    function.name = demangle(without_clone_suffix(place.range->name));
    function.file = place.range->file;
    function.tier = place.range->tier;
    return function;
  }
  function.unnamed = place.reason;
  const std::string_view path =
      module.valid() ? std::string_view(profile_.modules[module].path) : std::string_view{};
  if (place.reason == Unnamed::kJit) {
    function.name = "[jit]";
    function.start = 0;
  } else if (place.reason == Unnamed::kNoMapping) {
    function.name = "[unnamed] no mapping";
    function.start = 0;
  } else {
    function.name = fmt::format("[unnamed] {}+{:#x}", file_name(path), function.start);
  }
  return function;
}

FunctionId Namer::function_at(ModuleId module, const Place& place) {
  Function function = describe(module, place);
  const auto [row, is_new] = functions_.try_emplace({module, function.start});
  if (is_new) row->second = profile_.functions.add(std::move(function));
  return row->second;
}

void Namer::set_line(LocationId id, FunctionId function) {
  Location& location = profile_.locations[id];
  if (location.line_count == 0) {
    location.first_line = static_cast<uint32_t>(profile_.lines.size());
    location.line_count = 1;
    profile_.lines.push_back({function, 0});
  } else {
    profile_.lines[location.first_line].function = function;
  }
}

void Namer::name_location(LocationId id) {
  const Location& location = profile_.locations[id];
  const ModuleId module =
      location.mapping.valid() ? profile_.mappings[location.mapping].module : ModuleId{};
  set_line(id, function_at(module, place_of(location)));
}

}  // namespace

Named name(Profile profile, const Options& options) {
  Named named{Namer(std::move(profile), options).run(), {}};
  named.missing = missing_symbols(named.profile);
  return named;
}

}  // namespace pgflame::symbolizer
