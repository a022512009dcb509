#include "src/profile/profile.h"

#include <algorithm>

#include "src/profile/series.h"

namespace pgflame {
namespace {

// Outermost functions of complete stacks: glibc and musl entry points, thread starts, and the
// kernel's own (arch/x86/kernel/process.c, arch/arm64/kernel/entry.S). main counts too: a walk by
// frame pointers cannot pass libc's start code, which keeps none.
constexpr std::array<std::string_view, 15> kRoots{"main",
                                                  "_start",
                                                  "__libc_start_main",
                                                  "__libc_start_call_main",
                                                  "__libc_start_main_impl",
                                                  "_start_c",
                                                  "start_thread",
                                                  "clone",
                                                  "clone3",
                                                  "__clone",
                                                  "__clone3",
                                                  "ret_from_fork",
                                                  "ret_from_fork_asm",
                                                  "secondary_startup_64_no_verify",
                                                  "secondary_startup_64"};

// What a process forked by the postmaster does until it exits. Up to PostgreSQL 15 (postmaster.c)
// the postmaster forks these in signal handlers, too, and a walk by frame pointers cannot pass the
// frame that the kernel makes for a handler. Nothing above is the process's own doing.
constexpr std::array<std::string_view, 7> kProcessMains{"StartBackgroundWorker",
                                                        "AutoVacWorkerMain",
                                                        "AutoVacLauncherMain",
                                                        "AuxiliaryProcessMain",
                                                        "PgArchiverMain",
                                                        "PgstatCollectorMain",
                                                        "SysLoggerMain"};

std::string_view without_version(std::string_view name) {
  return name.substr(0, name.find('@'));
}

// A wrapping "comm" frame or the like may stand above the entry point.
constexpr uint8_t kRootDepth = 3;

enum class Entry : uint8_t { kNone, kRoot, kProcessMain, kFileMissing };

Entry entry_of(const Function& function) {
  if (function.unnamed == Unnamed::kModuleGone || function.unnamed == Unnamed::kBuildIdMismatch ||
      function.unnamed == Unnamed::kModuleCorrupt)
    return Entry::kFileMissing;
  const std::string_view name = without_version(function.name);
  if (std::ranges::find(kRoots, name) != kRoots.end()) return Entry::kRoot;
  const bool is_main = std::ranges::find(kProcessMains, name) != kProcessMains.end();
  return is_main ? Entry::kProcessMain : Entry::kNone;
}

}  // namespace

// Whether each stack has an entry point among its outermost functions, or a process's main. One
// that begins in a file nobody has may well be whole: that is no cut stack but a missing file.
// Callers come before their callees, so that every stack is looked at once.
std::vector<bool> stacks_from_root(const Profile& profile) {
  std::vector<Entry> entries;
  entries.reserve(profile.functions.size());
  for (const Function& function : profile.functions)
    entries.push_back(entry_of(function));
  std::vector<bool> from_root(profile.stacks.size());
  std::vector<uint8_t> depth(profile.stacks.size());
  for (uint32_t i = 1; i < profile.stacks.size(); ++i) {
    const StackNode& node = profile.stacks[StackId{i}];
    const Location& location = profile.locations[node.location];
    from_root[i] = from_root[node.caller.value];
    depth[i] = depth[node.caller.value];
    for (uint32_t line = location.line_count; line-- > 0 && !from_root[i];) {
      const Entry entry = entries[profile.lines[location.first_line + line].function.value];
      from_root[i] = entry == Entry::kProcessMain ||
                     (entry == Entry::kRoot && depth[i] < kRootDepth) ||
                     (entry == Entry::kFileMissing && depth[i] == 0);
      if (depth[i] < kRootDepth) ++depth[i];
    }
  }
  return from_root;
}

bool reaches_root(const Sample& sample, const std::vector<bool>& from_root) {
  return sample.end == StackEnd::kUnknown ? from_root[sample.stack.value]
                                          : sample.end == StackEnd::kRoot;
}

uint64_t lost_samples(const Recording& recording) {
  uint64_t lost = 0;
  for (const Loss loss : kLostSamples)
    lost += recording.losses[static_cast<size_t>(loss)];
  return lost;
}

Accounting account(const Profile& profile) {
  return account(profile, series_of(profile), stacks_from_root(profile));
}

std::vector<FunctionId> functions_of(const Profile& profile, StackId stack) {
  std::vector<FunctionId> functions;
  while (stack.valid() && stack != kEmptyStack) {
    const StackNode& node = profile.stacks[stack];
    const Location& location = profile.locations[node.location];
    for (uint32_t i = 0; i < location.line_count; ++i) {
      functions.push_back(profile.lines[location.first_line + i].function);
    }
    stack = node.caller;
  }
  std::ranges::reverse(functions);
  return functions;
}

std::string_view application_name(const Profile& profile, const Sample& sample) {
  if (profile.applications.contains(sample.application)) {
    return profile.applications[sample.application];
  }
  return profile.backends.contains(sample.backend)
             ? std::string_view(profile.backends[sample.backend].application)
             : std::string_view();
}

std::string_view name_of(State state) {
  constexpr std::array<std::string_view, kStateCount> kNames{
      "running", "runnable", "waiting", "idle"};
  return kNames[static_cast<size_t>(state)];
}

std::string_view name_of(Loss loss) {
  constexpr std::array<std::string_view, kLossCount> kNames{"ring buffer full",
                                                            "skipped by the kernel",
                                                            "throttled by the kernel",
                                                            "kernel table full",
                                                            "stack unreadable",
                                                            "tags unreadable",
                                                            "broken records",
                                                            "left out by filters",
                                                            "births and deaths missed",
                                                            "ends of waits missed"};
  return kNames[static_cast<size_t>(loss)];
}

void forget_impossible_times(Recording& recording) {
  constexpr int64_t kBeyond = int64_t{1} << 62;
  for (int64_t* time : {&recording.start_unix_ns, &recording.duration_ns}) {
    if (*time < 0 || *time >= kBeyond) *time = 0;
  }
}

void forget_lifetimes(Profile& profile) {
  profile.recording.lifetime_ns = profile.recording.on_cpu_ns = 0;
  for (Backend& backend : profile.backends)
    backend.lifetime_ns = backend.on_cpu_ns = 0;
}

std::string_view name_of(NameTier tier) {
  constexpr std::array<std::string_view, 6> kNames{
      "unnamed", "full", "exported", "recovered", "placed", "given"};
  return kNames[static_cast<size_t>(tier)];
}

std::string_view name_of(StackEnd end) {
  constexpr std::array<std::string_view, kStackEndCount> kNames{"unknown",
                                                                "root",
                                                                "truncated",
                                                                "no unwind info",
                                                                "unreadable",
                                                                "no stack",
                                                                "no module",
                                                                "bad unwind info",
                                                                "run-time code",
                                                                "no room"};
  return kNames[static_cast<size_t>(end)];
}

std::string_view explain(Unnamed reason) {
  constexpr std::array<std::string_view, 9> kTexts{
      "named",
      "no mapping covers the address",
      "the module has no symbol for this function",
      "the module's file could not be read",
      "no file here is known to be the build that was running",
      "the module's file is not a readable ELF file",
      "the kernel hides its symbols, or is of another boot",
      "code made at run time, without a perf map or jitdump",
      "the input did not name it"};
  return kTexts[static_cast<size_t>(reason)];
}

}  // namespace pgflame
