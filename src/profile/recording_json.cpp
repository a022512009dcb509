#include "src/profile/recording_json.h"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "src/profile/database_json.h"

namespace pgflame {

using nlohmann::json;

NLOHMANN_JSON_SERIALIZE_ENUM(ModuleKind,
                             {{ModuleKind::kUnknown, "unknown"},
                              {ModuleKind::kFile, "file"},
                              {ModuleKind::kKernel, "kernel"},
                              {ModuleKind::kVdso, "vdso"},
                              {ModuleKind::kJit, "jit"},
                              {ModuleKind::kAnonymous, "anonymous"}})
NLOHMANN_JSON_SERIALIZE_ENUM(WeightUnit,
                             {{WeightUnit::kOther, "other"},
                              {WeightUnit::kNanoseconds, "nanoseconds"},
                              {WeightUnit::kCycles, "cycles"}})

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Event, name, unit, rate_hz, is_cpu_time)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Cost,
                                                agent_cpu_ns,
                                                bpf_ns,
                                                bpf_runs,
                                                peak_rss_bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RunTimeCode, earlier, cut, refused)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(HostSecond,
                                                second,
                                                cpu_busy,
                                                cpu_steal,
                                                runnable,
                                                cpu_mhz,
                                                switches,
                                                major_faults,
                                                psi_cpu,
                                                psi_io,
                                                psi_memory)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Cluster,
                                                postmaster,
                                                port,
                                                major,
                                                version,
                                                data_directory,
                                                name)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Query, id, text, id_is_text_hash)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Backend,
                                                pid,
                                                postmaster,
                                                leader,
                                                start_time,
                                                comm,
                                                title,
                                                type,
                                                database,
                                                user,
                                                application,
                                                lifetime_ns,
                                                on_cpu_ns)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Recording,
                                                host,
                                                kernel,
                                                architecture,
                                                cpus,
                                                start_unix_ns,
                                                duration_ns,
                                                event,
                                                has_waits,
                                                whole_host,
                                                truncated_input,
                                                sampler,
                                                sampler_reason,
                                                unwinder,
                                                command_line,
                                                version,
                                                notes,
                                                host_seconds,
                                                losses,
                                                run_time_code,
                                                cost,
                                                lifetime_ns,
                                                on_cpu_ns)

namespace {

// Function and mapping columns that pprof has no field for, in the order of the pprof rows.
json function_columns(const Profile& profile) {
  json modules = json::array();
  json starts = json::array();
  json tiers = json::array();
  json reasons = json::array();
  for (const Function& function : profile.functions) {
    modules.push_back(function.module.valid() ? static_cast<int64_t>(function.module.value) : -1);
    starts.push_back(function.start);
    tiers.push_back(static_cast<int>(function.tier));
    reasons.push_back(static_cast<int>(function.unnamed));
  }
  return {{"module", modules}, {"start", starts}, {"tier", tiers}, {"unnamed", reasons}};
}

json modules_of(const Profile& profile) {
  json modules = json::array();
  for (const Module& module : profile.modules) {
    modules.push_back(
        {{"kind", module.kind}, {"path", module.path}, {"build_id", module.build_id}});
  }
  return modules;
}

json mapping_modules(const Profile& profile) {
  json column = json::array();
  for (const Mapping& mapping : profile.mappings) {
    column.push_back(mapping.module.valid() ? static_cast<int64_t>(mapping.module.value) : -1);
  }
  return column;
}

ModuleId module_id(const Profile& profile, const json& number) {
  const auto value = number.get<int64_t>();
  if (value < 0 || static_cast<size_t>(value) >= profile.modules.size()) return {};
  return ModuleId{static_cast<uint32_t>(value)};
}

template <typename Enum>
Enum bounded(const json& number, Enum last) {
  const auto value = number.get<int64_t>();
  if (value < 0 || value > static_cast<int64_t>(last)) return Enum{};
  return static_cast<Enum>(value);
}

void read_functions(const json& columns, Profile& profile) {
  size_t row = 0;
  for (Function& function : profile.functions) {
    function.module = module_id(profile, columns.at("module").at(row));
    function.start = columns.at("start").at(row).get<uint64_t>();
    function.tier = bounded(columns.at("tier").at(row), NameTier::kGiven);
    function.unnamed = bounded(columns.at("unnamed").at(row), Unnamed::kUnknownToInput);
    ++row;
  }
}

void read_modules(const json& root, Profile& profile) {
  Table<ModuleId, Module> modules;
  for (const json& row : root.at("modules")) {
    modules.add(Module{row.at("kind").get<ModuleKind>(),
                       row.at("path").get<std::string>(),
                       row.at("build_id").get<std::string>()});
  }
  profile.modules = std::move(modules);
  size_t row = 0;
  for (Mapping& mapping : profile.mappings) {
    mapping.module = module_id(profile, root.at("mapping_module").at(row++));
  }
}

// Captures of earlier versions know fewer kinds of losses.
Recording recording_of(json row) {
  if (const auto losses = row.find("losses"); losses != row.end() && losses->is_array()) {
    while (losses->size() < kLossCount)
      losses->push_back(0U);
  }
  return row.get<Recording>();
}

// Times that cannot be are unknown.
Backend backend_of(const json& row) {
  constexpr uint64_t kBeyond = uint64_t{1} << 62;
  auto backend = row.get<Backend>();
  if (backend.lifetime_ns >= kBeyond || backend.on_cpu_ns >= kBeyond)
    backend.lifetime_ns = backend.on_cpu_ns = 0;
  return backend;
}

void read_everything(const json& root, Profile& profile) {
  profile.recording = recording_of(root.at("recording"));
  profile.clusters = root.at("clusters").get<std::vector<Cluster>>();
  profile.queries = root.at("queries").get<std::vector<Query>>();
  if (const auto at = root.find("database"); at != root.end())
    profile.database = at->get<DatabaseContext>();
  for (const json& row : root.at("backends"))
    profile.backends.add(backend_of(row));
  read_modules(root, profile);
  read_functions(root.at("functions"), profile);
}

// Parses, and refuses fractional numbers where whole ones belong: the library's conversion of an
// out-of-range one is undefined.
std::optional<json> parse(std::string_view text) {
  constexpr std::array<std::string_view, 6> kFractional{
      "rate_hz", "cpu_busy", "cpu_steal", "psi_cpu", "psi_io", "psi_memory"};
  std::string key;
  bool broken = false;
  const auto watch = [&](int /*depth*/, json::parse_event_t event, const json& value) {
    if (event == json::parse_event_t::key) key = value.get<std::string>();
    const bool fraction = event == json::parse_event_t::value && value.is_number_float();
    if (fraction && std::ranges::find(kFractional, key) == kFractional.end()) broken = true;
    return true;
  };
  json root = json::parse(text, watch, false);
  if (broken || root.is_discarded()) return std::nullopt;
  return root;
}

}  // namespace

std::string metadata_to_json(const Profile& profile) {
  json backends = json::array();
  for (const Backend& backend : profile.backends)
    backends.push_back(backend);
  json root{{"recording", profile.recording},
            {"clusters", profile.clusters},
            {"queries", profile.queries},
            {"backends", backends},
            {"modules", modules_of(profile)},
            {"mapping_module", mapping_modules(profile)},
            {"functions", function_columns(profile)}};
  if (profile.database) root["database"] = *profile.database;
  // Names come from outside and need not be UTF-8.
  return root.dump(-1, ' ', false, json::error_handler_t::replace);
}

Status metadata_from_json(std::string_view text, Profile& profile) {
  const std::optional<json> root = parse(text);
  if (!root) return fail(ErrorKind::kCorrupt, "the pgflame comment is not its JSON");
  try {
    read_everything(*root, profile);
  } catch (const json::exception& error) {
    return fail(ErrorKind::kCorrupt, std::string("the pgflame comment is broken: ") + error.what());
  }
  return {};
}

}  // namespace pgflame
