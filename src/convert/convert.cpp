#include "src/convert/convert.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "src/convert/writers.h"
#include "src/profile/pprof.h"

namespace pgflame::convert {
namespace {

struct Format {
  Target target;
  std::string_view name;
  std::string_view extension;
};
constexpr std::array<Format, 6> kFormats{{
    {Target::kFolded, "folded", ".folded"},
    {Target::kPprof, "pprof", ".pb.gz"},
    {Target::kPerfScript, "perf-script", ".perf.txt"},
    {Target::kSpeedscope, "speedscope", ".speedscope.json"},
    {Target::kFirefox, "firefox", ".firefox.json"},
    {Target::kJson, "json", ".json"},
}};

}  // namespace

std::optional<Target> parse_target(std::string_view name) {
  for (const Format& format : kFormats) {
    if (format.name == name) return format.target;
  }
  return std::nullopt;
}

bool has_moments(Target target) {
  return target == Target::kPerfScript || target == Target::kFirefox;
}

std::string_view file_extension(Target target) {
  return kFormats[static_cast<size_t>(target)].extension;
}

Status convert(const Profile& profile, Target target, const PieceSink& put) {
  switch (target) {
    case Target::kFolded:
      return put(write_folded(profile));
    case Target::kPprof:
      return put(write_pprof(profile));
    case Target::kPerfScript:
      return write_perf_script(profile, put);
    case Target::kSpeedscope:
      return put(write_speedscope(profile));
    case Target::kFirefox:
      return put(write_firefox(profile));
    case Target::kJson:
      return put(write_json(profile));
  }
  return {};
}

Result<std::string> convert(const Profile& profile, Target target) {
  std::string text;
  const auto append = [&text](std::string_view piece) {
    text += piece;
    return Status{};
  };
  Status done = convert(profile, target, append);
  if (!done) return fail(std::move(done).error());
  return text;
}

std::string json_string(std::string_view text) {
  using nlohmann::json;
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<LocationId> locations_of(const Profile& profile, StackId stack) {
  std::vector<LocationId> locations;
  for (; stack.valid() && stack != kEmptyStack; stack = profile.stacks[stack].caller)
    locations.push_back(profile.stacks[stack].location);
  return locations;
}

std::string unnamed_frame(const Profile& profile, const Location& location) {
  if (!location.mapping.valid()) {
    return location.address == 0 ? "[unknown]" : fmt::format("{:#x}", location.address);
  }
  const Mapping& mapping = profile.mappings[location.mapping];
  const Module& module = profile.modules[mapping.module];
  if (module.kind == ModuleKind::kKernel) return fmt::format("[kernel]+{:#x}", location.address);
  return fmt::format("{}+{:#x}",
                     std::filesystem::path(module.path).filename().string(),
                     location.address - mapping.start + mapping.file_offset);
}

ModuleId module_of(const Profile& profile, const Location& location) {
  if (location.mapping.valid()) return profile.mappings[location.mapping].module;
  if (location.line_count == 0) return {};
  const Line& outermost = profile.lines[location.first_line + location.line_count - 1];
  return profile.functions[outermost.function].module;
}

bool is_kernel(const Profile& profile, const Location& location) {
  const ModuleId module = module_of(profile, location);
  return module.valid() && profile.modules[module].kind == ModuleKind::kKernel;
}

std::vector<uint32_t> rows_by_time(const Profile& profile) {
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < profile.samples.size(); ++row) {
    if (profile.samples[row].state == State::kRunning && profile.samples[row].count > 0)
      rows.push_back(row);
  }
  std::ranges::stable_sort(rows, {}, [&](uint32_t row) {
    const Sample& sample = profile.samples[row];
    return uint64_t{sample.second} << 32U | sample.microsecond;
  });
  return rows;
}

std::string comm_of(const Profile& profile, const Sample& sample) {
  return profile.backends.contains(sample.backend) ? profile.backends[sample.backend].comm : "";
}

int32_t pid_of(const Profile& profile, const Sample& sample) {
  return profile.backends.contains(sample.backend) ? profile.backends[sample.backend].pid : 0;
}

}  // namespace pgflame::convert
