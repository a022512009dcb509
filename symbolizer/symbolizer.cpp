#include "symbolizer/symbolizer.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <thread>
#include <tuple>
#include <unordered_map>

#include <fmt/format.h>

#include "src/profile/this_boot.h"
#include "symbolizer/demangle.h"
#include "symbolizer/jit_files.h"
#include "symbolizer/missing_symbols.h"
#include "symbolizer/module_search.h"
#include "symbolizer/module_symbols.h"
#include "symbolizer/process_hints.h"
#include "symbolizer/sampled_kernel.h"

namespace pgflame::symbolizer {
namespace {

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
  bool run_time = false;  // code that is in no file
};

struct Found {
  Place place;
  std::vector<SourceFrame> frames;  // from DWARF
};

bool is_run_time(ModuleKind kind) {
  return kind == ModuleKind::kJit || kind == ModuleKind::kAnonymous;
}

bool is_named(const Place& place) {
  return place.range != nullptr && !place.range->name.empty();
}

// Where a place's function begins; 0 where all such places of a module are one.
uint64_t start_of(const Place& place) {
  const bool one_frame = place.run_time || place.reason == Unnamed::kNoMapping ||
                         place.reason == Unnamed::kKernelHidden;
  if (!is_named(place) && one_frame) return 0;
  return place.range != nullptr ? place.range->entry : place.address;
}

class Namer {
 public:
  Namer(Profile profile, const Options& options)
      : profile_(std::move(profile)),
        options_(options),
        of_this_boot_(options.this_host || is_of_this_boot(profile_.recording, this_host())) {}

  Named run() && {
    collect();
    load_modules();
    auto running = std::async(std::launch::async, [this] { return running_by_leaf(profile_); });
    const std::vector<Found> found = look_up();
    for (size_t i = 0; i < wanted_.size(); ++i)
      set_lines(wanted_[i], lines_at(wanted_[i], found[i]));
    Named named;
    named.missing = missing_symbols(profile_, running.get(), of_this_boot_);
    for (MissingSymbols& missing : named.missing) {
      const auto& symbols = modules_[missing.id.value];
      if (symbols != nullptr && !symbols->image) missing.rejected = symbols->rejected;
    }
    named.notes = notes_on_files();
    named.profile = std::move(profile_);
    return named;
  }

 private:
  bool wants_name(const Location& location) const;
  void collect();
  void load_modules();
  void load_vdso(ModuleId id);
  void load_jit();
  std::vector<Found> look_up() const;
  ModuleId module_at(LocationId id) const;
  std::vector<std::string> notes_on_files() const;
  bool concerns_a_module(const std::string& path) const;
  std::vector<Line> lines_at(LocationId id, const Found& found);
  InlinedFrames* inlined_in(ModuleId module) const;
  std::vector<SourceFrame> inlined_at(ModuleId module, const Place& place) const;
  FunctionId inlined_function(ModuleId module, const SourceFrame& frame);
  const FunctionRange* jit_function(LocationId id) const;
  Place place_of(LocationId id) const;
  FunctionId function_at(ModuleId module, const Place& place);
  Function describe(ModuleId module, const Place& place) const;
  void set_lines(LocationId id, std::span<const Line> lines);

  Profile profile_;
  const Options& options_;
  const bool of_this_boot_;
  std::vector<LocationId> wanted_;
  std::vector<std::unique_ptr<ModuleSymbols>> modules_;  // by ModuleId; null where not needed
  KernelSymbols kernel_;
  ProcessHints processes_;
  std::map<int32_t, std::vector<FunctionTable>> jit_;  // by process
  // By module and where they begin.
  std::map<ModuleId, std::unordered_map<uint64_t, FunctionId>> functions_;
  std::map<std::tuple<ModuleId, std::string, std::string>, FunctionId> inlined_;
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
  MappingId kernel;
  bool jit = false;
  std::vector<bool> seen(profile_.modules.size());
  for (const LocationId id : wanted_) {
    const MappingId mapping = profile_.locations[id].mapping;
    if (!mapping.valid()) continue;
    const ModuleId module = profile_.mappings[mapping].module;
    if (!module.valid() || seen[module.value]) continue;
    seen[module.value] = true;
    const ModuleKind kind = profile_.modules[module].kind;
    if (kind == ModuleKind::kKernel) kernel = mapping;
    if (kind == ModuleKind::kVdso) load_vdso(module);
    jit = jit || is_run_time(kind);
  }
  std::future<void> others = std::async(std::launch::async, [&] {
    if (kernel.valid()) kernel_ = sampled_kernel(profile_, kernel, wanted_, options_);
    if (jit) load_jit();
  });
  const std::vector<SampledModule> files = sampled_files(profile_, wanted_, of_this_boot_);
  std::atomic<size_t> next = 0;  // the largest one first: it takes longest
  auto work = [&] {
    for (size_t i = next++; i < files.size(); i = next++) {
      modules_[files[i].id.value] = load_module(profile_, files[i], options_);
    }
  };
  const std::jthread helper(work);
  work();
  others.get();
}

// All processes of a kernel have the same one.
void Namer::load_vdso(ModuleId id) {
  auto own = load_own_vdso();
  const std::string& wanted = profile_.modules[id].build_id;
  const bool same = own->image && !wanted.empty() && own->image->build_id() == wanted;
  if (options_.this_host || same) modules_[id.value] = std::move(own);
}

void Namer::load_jit() {
  processes_ = find_processes(profile_);
  std::set<int32_t> pids;
  for (const auto& [location, pid] : processes_.pid_of_code)
    pids.insert(pid);
  jit_ = read_jit_files(profile_, options_, pids);
}

const FunctionRange* Namer::jit_function(LocationId id) const {
  const auto pid = processes_.pid_of_code.find(id);
  if (pid == processes_.pid_of_code.end()) return nullptr;
  const auto tables = jit_.find(pid->second);
  if (tables == jit_.end()) return nullptr;
  for (const FunctionTable& table : tables->second) {
    const FunctionRange* range = table.find(profile_.locations[id].address);
    if (range != nullptr) return range;
  }
  return nullptr;
}

Place Namer::place_of(LocationId id) const {
  const Location& location = profile_.locations[id];
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
    case ModuleKind::kAnonymous:
      place.range = jit_function(id);
      place.reason = kind == ModuleKind::kJit ? Unnamed::kJit : Unnamed::kNoSymbols;
      place.run_time = true;
      return place;
    default:
      break;
  }
  place.reason = Unnamed::kNoSymbols;
  if (!mapping.module.valid() || modules_[mapping.module.value] == nullptr) return place;
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
  function.start = start_of(place);
  if (is_named(place)) {
    function.name = demangle(without_clone_suffix(place.range->name));
    function.file = place.range->file;
    function.tier = place.range->tier;
    return function;
  }
  function.unnamed = place.reason;
  const std::string_view path =
      module.valid() ? std::string_view(profile_.modules[module].path) : std::string_view{};
  if (place.run_time) {
    const bool is_jit = place.reason == Unnamed::kJit;
    function.name = path.starts_with('[') ? path : is_jit ? "[jit]" : "[anonymous]";
  } else if (place.reason == Unnamed::kKernelHidden) {
    function.name = "[unnamed] [kernel]";
  } else if (place.reason == Unnamed::kNoMapping) {
    function.name = "[unnamed] no mapping";
  } else {
    function.name = fmt::format("[unnamed] {}+{:#x}", file_name(path), function.start);
  }
  return function;
}

FunctionId Namer::function_at(ModuleId module, const Place& place) {
  // Two processes may have different code at one address.
  if (place.run_time && place.range != nullptr) {
    return inlined_function(module, {.name = std::string(place.range->name), .file = {}});
  }
  const auto [row, is_new] = functions_[module].try_emplace(start_of(place));
  if (is_new) row->second = profile_.functions.add(describe(module, place));
  return row->second;
}

void Namer::set_lines(LocationId id, std::span<const Line> lines) {
  Location& location = profile_.locations[id];
  if (location.line_count == 1 && lines.size() == 1) {
    profile_.lines[location.first_line] = lines.front();
    return;
  }
  location.first_line = static_cast<uint32_t>(profile_.lines.size());
  location.line_count = static_cast<uint32_t>(lines.size());
  profile_.lines.insert(profile_.lines.end(), lines.begin(), lines.end());
}

ModuleId Namer::module_at(LocationId id) const {
  const MappingId mapping = profile_.locations[id].mapping;
  return mapping.valid() ? profile_.mappings[mapping].module : ModuleId{};
}

InlinedFrames* Namer::inlined_in(ModuleId module) const {
  if (!module.valid() || modules_[module.value] == nullptr) return nullptr;
  return modules_[module.value]->inlined.get();
}

std::vector<SourceFrame> Namer::inlined_at(ModuleId module, const Place& place) const {
  const bool named = place.range != nullptr && place.range->tier == NameTier::kFull;
  InlinedFrames* const inlined = named ? inlined_in(module) : nullptr;
  return inlined == nullptr ? std::vector<SourceFrame>{} : inlined->at(place.address);
}

// What is told by DWARF takes one thread as long as all the rest another one.
std::vector<Found> Namer::look_up() const {
  std::vector<Found> found(wanted_.size());
  const auto look = [&](bool has_dwarf) {
    for (size_t i = 0; i < wanted_.size(); ++i) {
      const ModuleId module = module_at(wanted_[i]);
      if ((inlined_in(module) != nullptr) != has_dwarf) continue;
      found[i].place = place_of(wanted_[i]);
      found[i].frames = inlined_at(module, found[i].place);
    }
  };
  const std::jthread helper([&] {
    look(true);
    for (const auto& symbols : modules_) {
      if (symbols != nullptr && symbols->inlined != nullptr) symbols->inlined->keep();
    }
  });
  look(false);
  return found;
}

FunctionId Namer::inlined_function(ModuleId module, const SourceFrame& frame) {
  const auto [row, is_new] = inlined_.try_emplace({module, frame.name, frame.file});
  if (is_new) {
    Function function;
    function.name = frame.name.empty() ? "[inlined]" : demangle(frame.name);
    function.file = frame.file;
    function.module = module;
    function.tier = NameTier::kFull;
    row->second = profile_.functions.add(std::move(function));
  }
  return row->second;
}

std::vector<Line> Namer::lines_at(LocationId id, const Found& found) {
  const auto& [place, frames] = found;
  const ModuleId module = module_at(id);
  const FunctionId function = function_at(module, place);
  std::vector<Line> lines;
  for (size_t i = 0; i + 1 < frames.size(); ++i)
    lines.push_back({inlined_function(module, frames[i]), frames[i].line});
  lines.push_back({function, frames.empty() ? 0 : frames.back().line});
  std::string& file = profile_.functions[function].file;
  if (file.empty() && !frames.empty()) file = frames.back().file;
  return lines;
}

std::vector<std::string> Namer::notes_on_files() const {
  std::vector<std::string> notes;
  for (size_t i = 0; i < modules_.size(); ++i) {
    if (modules_[i] == nullptr || !modules_[i]->image || modules_[i]->confirmed) continue;
    notes.push_back(
        fmt::format("names of {} come from {}, which the capture cannot confirm: it has no "
                    "build-id; record without -B or with --buildid-mmap",
                    profile_.modules[profile_.modules.id_at(i)].path,
                    modules_[i]->path));
  }
  for (const std::string& path : options_.binaries) {
    if (!concerns_a_module(path))
      notes.push_back(path + " was not used: no module that needs names has its build-id");
  }
  return notes;
}

// Whether a file that the user gave was used, or said to be of another build.
bool Namer::concerns_a_module(const std::string& path) const {
  return std::ranges::any_of(modules_, [&](const auto& symbols) {
    if (symbols == nullptr) return false;
    if (symbols->image) return symbols->path == path;
    return std::ranges::any_of(symbols->rejected, [&](const std::string& rejected) {
      return rejected.starts_with(path + " ");
    });
  });
}

}  // namespace

Named name(Profile profile, const Options& options) {
  return Namer(std::move(profile), options).run();
}

}  // namespace pgflame::symbolizer
