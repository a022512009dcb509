#include "src/diagnose/cut_remedies.h"

#include <fmt/format.h>

#include "src/base/text.h"

namespace pgflame::diagnose {
namespace {

std::string file_of(const Profile& profile, const CutKind& kind) {
  return kind.module.valid() ? profile.modules[kind.module].path : std::string();
}

// Why the tables of code made at run time were not there.
std::string causes_of(const RunTimeCode& code) {
  std::string causes;
  const auto add = [&](uint64_t count, std::string_view singular, std::string_view rest) {
    if (count > 0)
      causes += fmt::format("{}{} {}", causes.empty() ? "" : ", ", counted(count, singular), rest);
  };
  add(code.earlier, "backend", "had compiled code when first seen");
  add(code.cut, "module", "had more unwind information than is copied");
  add(code.refused, "module", "found no room");
  return causes;
}

std::string remedy_for_run_time_code(const Recording& recording) {
  if (recording.sampler != "bpf")
    return "stacks end in compiled (JIT) code: record with --sampler bpf, which learns how to walk "
           "it, or SET jit = off";
  const RunTimeCode& code = recording.run_time_code;
  const std::string causes = causes_of(code);
  if (causes.empty())
    return "stacks end in code that was compiled (JIT) moments before: SET jit = off";
  return fmt::format("stacks end in compiled (JIT) code, and {}: {}SET jit = off",
                     causes,
                     code.earlier > 0 ? "record from before these sessions connect, or " : "");
}

std::string remedy_for_recording(const Profile& profile, const CutKind& kind) {
  const Recording& recording = profile.recording;
  const std::string file = file_of(profile, kind);
  switch (kind.end) {
    case StackEnd::kNoUnwindInfo:
      if (!file.empty())
        return fmt::format(
            "stacks end in code of {} without unwind information, mostly assembly: only a build "
            "that has it (.eh_frame) would tell the callers",
            file);
      break;
    case StackEnd::kRunTimeCode:
      return remedy_for_run_time_code(recording);
    case StackEnd::kNoRoom:
      return "record fewer clusters at a time (-p): the tables had no room for all they map";
    case StackEnd::kTruncated:
      return {};  // the innermost frames are there, and more are not walked
    case StackEnd::kUnreadable:
    case StackEnd::kUnknown:
      if (recording.sampler == "perf")
        return "record with --sampler bpf: perf_event copies only the first 16 KiB of a stack";
      if (kind.end == StackEnd::kUnknown && !file.empty())
        return fmt::format(
            "stacks were walked by frame pointers for want of unwind information and end in {}: "
            "install builds that have it (.eh_frame)",
            file);
      break;
    default:
      break;
  }
  return "record again";
}

std::string remedy_for(const Profile& profile, const CutKind& kind) {
  const Recording& recording = profile.recording;
  const std::string& sampler = recording.sampler;
  if (sampler == "perf.data" && recording.unwinder == "dwarf") {
    const std::string path = file_of(profile, kind);
    if (kind.file_missing)
      return fmt::format("give the {} that was running: pgflame report --binary FILE",
                         path.substr(path.find_last_of('/') + 1));
    if (kind.end == StackEnd::kUnreadable)
      return "copy more of the stacks: perf record --call-graph dwarf,65528; or record with "
             "pgflame";
    return {};  // copying them again would end there too
  }
  if (sampler == "perf.data" || sampler == "perf script")
    return "record whole stacks: pgflame record, or perf record --call-graph dwarf,65528 where the "
           "server has no frame pointers";
  if (sampler != "bpf" && sampler != "bcc" && sampler != "perf")
    return "the input does not reach the process's entry point; record again with pgflame record";
  if (recording.unwinder != "table")
    return "record without --unwind fp: by default callers are looked up in unwind information "
           "(.eh_frame), as far as the server's build has it";
  return remedy_for_recording(profile, kind);
}

}  // namespace

std::string remedies_of(const CutStacks& cut, const Profile& profile) {
  std::string text;
  for (const CutKind& kind : cut.kinds) {
    const std::string remedy = remedy_for(profile, kind);
    if (remedy.empty() || text.find(remedy) != std::string::npos) continue;
    text += (text.empty() ? "" : "; ") + remedy;
  }
  return text;
}

}  // namespace pgflame::diagnose
