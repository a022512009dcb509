#include "src/diagnose/cut_stacks.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace pgflame::diagnose {
namespace {

// How a stack ended and in which module. Two stacks are cut alike when both are the same.
struct Cut {
  StackEnd end = StackEnd::kUnknown;
  ModuleId module;
  auto operator<=>(const Cut&) const = default;
};

std::vector<ModuleId> outermost_modules(const Profile& profile) {
  std::vector<ModuleId> modules(profile.stacks.size());
  for (uint32_t i = 1; i < profile.stacks.size(); ++i) {
    const StackNode& node = profile.stacks[StackId{i}];
    if (node.caller != kEmptyStack) {
      modules[i] = modules[node.caller.value];
      continue;
    }
    const MappingId mapping = profile.locations[node.location].mapping;
    if (mapping.valid()) modules[i] = profile.mappings[mapping].module;
  }
  return modules;
}

std::string remedy_for_input(const std::string& sampler) {
  if (sampler == "perf.data" || sampler == "perf script")
    return "record whole stacks: pgflame record, or perf record --call-graph dwarf,65528 where the "
           "server has no frame pointers";
  return "the input does not reach the process's entry point; record again with pgflame record";
}

std::string remedy_for_tables(const Profile& profile, const Cut& cut) {
  const bool by_bpf = profile.recording.sampler == "bpf";
  const Module* module = cut.module.valid() && profile.modules.contains(cut.module)
                             ? &profile.modules[cut.module]
                             : nullptr;
  if (module != nullptr && module->kind == ModuleKind::kJit)
    return by_bpf
               ? "stacks end in code that was compiled (JIT) before the recording began: record "
                 "from before these sessions connect, or SET jit = off"
               : "stacks end in compiled (JIT) code: record with --sampler bpf, which learns how "
                 "to walk it, or SET jit = off";
  const bool copy_ended = cut.end == StackEnd::kUnreadable || cut.end == StackEnd::kUnknown;
  if (copy_ended && profile.recording.sampler == "perf")
    return "record with --sampler bpf: perf_event copies only the first 16 KiB of a stack";
  if (module == nullptr || module->kind != ModuleKind::kFile) return "record again";
  if (cut.end == StackEnd::kUnknown)
    return fmt::format(
        "stacks were walked by frame pointers for want of unwind information and end in {}: "
        "install "
        "builds that have it (.eh_frame)",
        module->path);
  return fmt::format(
      "stacks end in code of {} without unwind information, mostly assembly: only a build that has "
      "it (.eh_frame) would tell the callers",
      module->path);
}

std::string remedy_for(const Profile& profile, const Cut& cut) {
  const Recording& recording = profile.recording;
  constexpr std::array<std::string_view, 3> kOurs{"bpf", "bcc", "perf"};
  if (std::ranges::find(kOurs, recording.sampler) == kOurs.end())
    return remedy_for_input(recording.sampler);
  if (recording.unwinder != "table")
    return "record without --unwind fp: by default callers are looked up in unwind information "
           "(.eh_frame), as far as the server's build has it";
  return remedy_for_tables(profile, cut);
}

}  // namespace

CutStacks cut_stacks(const Analysis& analysis) {
  const Profile& profile = analysis.profile();
  const std::vector<bool> from_root = stacks_from_root(profile);
  const std::vector<ModuleId> outermost = outermost_modules(profile);
  std::map<Cut, uint64_t> cuts;
  CutStacks all;
  Cut last;  // samples of one stack stand together
  uint64_t* count_of_last = nullptr;
  for (size_t i = 0; i < analysis.series().size(); ++i) {
    const Sample& sample = analysis.series()[i].sum;
    if (analysis.use_of_series()[i] == Analysis::kNotRunning) continue;
    if (reaches_root(sample, from_root)) continue;
    all.samples += sample.count;
    const Cut cut{sample.end, outermost[sample.stack.value]};
    if (count_of_last == nullptr || cut != last) count_of_last = &cuts[cut];
    last = cut;
    *count_of_last += sample.count;
  }
  Cut most;
  uint64_t samples = 0;
  for (const auto& [cut, count] : cuts) {
    if (count <= samples) continue;
    most = cut;
    samples = count;
  }
  all.remedy = remedy_for(profile, most);
  return all;
}

}  // namespace pgflame::diagnose
