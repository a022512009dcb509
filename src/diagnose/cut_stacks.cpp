#include "src/diagnose/cut_stacks.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "src/diagnose/evidence.h"
#include "src/diagnose/figures.h"

namespace pgflame::diagnose {
namespace {

using SamplesByModule = std::map<ModuleId, uint64_t>;  // those in no file by the invalid id

// By stack: the file that its outermost frame is in.
std::vector<ModuleId> outermost_files(const Profile& profile) {
  std::vector<ModuleId> modules(profile.stacks.size());
  for (uint32_t i = 1; i < profile.stacks.size(); ++i) {
    const StackNode& node = profile.stacks[StackId{i}];
    if (node.caller != kEmptyStack) {
      modules[i] = modules[node.caller.value];
      continue;
    }
    const MappingId mapping = profile.locations[node.location].mapping;
    if (!mapping.valid()) continue;
    const ModuleId module = profile.mappings[mapping].module;
    const bool known = module.valid() && profile.modules.contains(module);
    if (known && profile.modules[module].kind == ModuleKind::kFile) modules[i] = module;
  }
  return modules;
}

bool is_missing(const Profile& profile, ModuleId module) {
  return module.valid() && std::ranges::any_of(profile.functions, [&](const Function& function) {
           return function.module == module && (function.unnamed == Unnamed::kModuleGone ||
                                                function.unnamed == Unnamed::kBuildIdMismatch);
         });
}

CutKind kind_of(StackEnd end, const SamplesByModule& modules, const Profile& profile) {
  CutKind kind;
  kind.end = end;
  uint64_t most = 0;
  for (const auto& [module, samples] : modules) {
    kind.samples += samples;
    if (!module.valid() || samples <= most) continue;
    kind.module = module;
    most = samples;
  }
  kind.one_module = most == kind.samples;
  kind.file_missing = is_missing(profile, kind.module);
  return kind;
}

std::string_view reason_of(StackEnd end, const Recording& recording) {
  switch (end) {
    case StackEnd::kTruncated:
      return "deeper than the limit";
    case StackEnd::kNoUnwindInfo:
      return "code without unwind information";
    case StackEnd::kUnreadable:
      return recording.sampler == "bpf" || recording.sampler == "bcc"
                 ? "memory not mapped when the walk read it"
                 : "memory that the copied part of the stack does not hold";
    case StackEnd::kNoStack:
      return "no user stack captured";
    case StackEnd::kNoModule:
      return "addresses that no known mapping covers";
    case StackEnd::kBadUnwindInfo:
      return "unwind information that is not understood or leads nowhere";
    case StackEnd::kRunTimeCode:
      return "code made at run time";
    case StackEnd::kNoRoom:
      return "code whose unwind information found no room";
    default:
      return recording.unwinder == "frame pointers" || recording.unwinder == "table"
                 ? "frame pointers that lead no further"
                 : "for a reason that was not recorded";
  }
}

bool stops_for_its_code(StackEnd end) {
  return end == StackEnd::kNoUnwindInfo || end == StackEnd::kBadUnwindInfo ||
         end == StackEnd::kNoRoom;
}

}  // namespace

CutStacks cut_stacks(const Analysis& analysis) {
  const Profile& profile = analysis.profile();
  const std::vector<ModuleId> outermost = outermost_files(profile);
  std::array<SamplesByModule, kStackEndCount> by_end;
  for (size_t i = 0; i < analysis.series().size(); ++i) {
    const Sample& sample = analysis.series()[i].sum;
    if (analysis.use_of_series()[i] == Analysis::kNotRunning) continue;
    if (reaches_root(sample, analysis.from_root())) continue;
    by_end[static_cast<size_t>(sample.end)][outermost[sample.stack.value]] += sample.count;
  }
  CutStacks cut;
  for (size_t end = 0; end < by_end.size(); ++end) {
    const CutKind kind = kind_of(static_cast<StackEnd>(end), by_end[end], profile);
    if (kind.samples == 0) continue;
    cut.samples += kind.samples;
    cut.kinds.push_back(kind);
  }
  std::ranges::stable_sort(cut.kinds, std::greater{}, &CutKind::samples);
  return cut;
}

std::string reasons_of(const CutStacks& cut, const Analysis& analysis) {
  const Profile& profile = analysis.profile();
  std::string text;
  for (const CutKind& kind : cut.kinds) {
    text += fmt::format("{}{} {}",
                        text.empty() ? "" : ", ",
                        short_percent(ratio(kind.samples, analysis.samples())),
                        stops_for_its_code(kind.end) && kind.file_missing
                            ? "code in files that were not at hand"
                            : reason_of(kind.end, profile.recording));
    if (!kind.module.valid() || !stops_for_its_code(kind.end)) continue;
    const std::string& path = profile.modules[kind.module].path;
    text += fmt::format(
        " ({}{})", path.substr(path.find_last_of('/') + 1), kind.one_module ? "" : " and others");
  }
  return text;
}

}  // namespace pgflame::diagnose
