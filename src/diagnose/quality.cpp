#include "src/diagnose/quality.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/cut_remedies.h"
#include "src/diagnose/cut_stacks.h"
#include "src/diagnose/evidence.h"
#include "src/diagnose/figures.h"
#include "src/diagnose/measure.h"
#include "src/diagnose/other_programs.h"
#include "src/diagnose/skid.h"

namespace pgflame::diagnose {
namespace {

// Up to which value of a bad share each grade is given, A to D; above: F. Unnamed leaves are worse
// for the reader than for the classification, which falls back on their callers.
struct Scale {
  std::array<double, 4> limits;
};
constexpr Scale kTruncated{{0.03, 0.10, 0.25, 0.50}};
constexpr Scale kUnnamed{{0.05, 0.15, 0.30, 0.50}};
constexpr Scale kLost{{0.01, 0.05, 0.20, 0.50}};
// These only blur which kernel function it was; their callers are right.
constexpr Scale kSkid{{0.20, 0.50, 1, 1}};

char grade_of(double share, const Scale& scale) {
  for (size_t i = 0; i < scale.limits.size(); ++i) {
    if (share <= scale.limits[i]) return static_cast<char>('A' + i);
  }
  return 'F';
}

// The Wilson interval of a 10 % pattern is +-1.9 points with 1000 samples, +-3.5 with 300 and
// +-8 with 60; findings have a floor of their own.
char grade_of_samples(uint64_t samples) {
  if (samples >= 1000) return 'A';
  if (samples >= 300) return 'B';
  if (samples >= 60) return 'C';
  return samples >= 30 ? 'D' : 'F';
}

struct Reason {
  char grade;
  std::string text;
  std::string remedy;
};

// The module and reason that most unnamed leaves hang on.
struct MissingNames {
  std::string module;
  Unnamed reason = Unnamed::kNamed;
  uint64_t samples = 0;
};

// The vDSO's few functions read the clock, whatever they are called (vdso(7)).
bool in_vdso(const Profile& profile, const Function& function) {
  return function.module.valid() && profile.modules.contains(function.module) &&
         profile.modules[function.module].kind == ModuleKind::kVdso;
}

bool is_unnamed(const Profile& profile, const Function& function) {
  const bool named = function.tier != NameTier::kNone && function.tier != NameTier::kPlaced;
  return !named && !in_vdso(profile, function);
}

bool unnamed_leaf(const Profile& profile, std::span<const FunctionId> path) {
  return path.empty() || is_unnamed(profile, profile.functions[path[0]]);
}

MissingNames worst_module(const Analysis& analysis) {
  const Profile& profile = analysis.profile();
  std::map<std::pair<std::string, Unnamed>, uint64_t> missing;
  const std::vector<uint64_t> samples_of = samples_by_leaf(analysis);
  for (size_t i = 0; i < samples_of.size(); ++i) {
    const Function& leaf = profile.functions[profile.functions.id_at(i)];
    if (samples_of[i] == 0 || !is_unnamed(profile, leaf)) continue;
    const std::string module = leaf.module.valid() && profile.modules.contains(leaf.module)
                                   ? profile.modules[leaf.module].path
                                   : "";
    missing[{module, leaf.unnamed}] += samples_of[i];
  }
  MissingNames worst;
  for (const auto& [key, samples] : missing) {
    if (samples > worst.samples) worst = MissingNames{key.first, key.second, samples};
  }
  return worst;
}

std::string file_name(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

// "/usr/lib/postgresql/15/bin/postgres" -> 15. What else is in that folder may be of another
// package.
std::string debian_major(const std::string& path) {
  constexpr std::string_view kFolder = "/postgresql/";
  const auto at = path.find(kFolder);
  if (at == std::string::npos || file_name(path) != "postgres") return {};
  const std::string rest = path.substr(at + kFolder.size());
  const std::string major = rest.substr(0, rest.find('/'));
  return parse_u64(major) ? major : std::string();
}

std::string naming_remedy(const MissingNames& missing) {
  if (missing.reason == Unnamed::kKernelHidden)
    return "to name the kernel's functions, make the report as root on the recorded host, before "
           "it reboots and with sysctl kernel.kptr_restrict=1";
  if (missing.reason == Unnamed::kJit)
    return "name JIT code: jit_profiling_support = on before the sessions connect, or SET jit = "
           "off";
  if (missing.reason == Unnamed::kModuleGone || missing.reason == Unnamed::kBuildIdMismatch) {
    const bool other = missing.reason == Unnamed::kBuildIdMismatch;
    return fmt::format("give the {} that was running{}: pgflame report --binary FILE",
                       missing.module.empty() ? "binary" : file_name(missing.module),
                       other ? ", not another build of it" : "");
  }
  if (missing.reason == Unnamed::kUnknownToInput)
    return "record with pgflame, or give perf's own file instead of its text: it still has the "
           "addresses";
  if (const std::string major = debian_major(missing.module); !major.empty()) {
    return fmt::format(
        "install the debug symbols and report again: apt-get install postgresql-{}-dbgsym (Debian, "
        "Ubuntu) or the postgresql{}-debuginfo package (RPM)",
        major,
        major);
  }
  return fmt::format("install the debug symbols of {}",
                     missing.module.empty() ? "the server" : file_name(missing.module));
}

// Returns the same for a note, which is given whatever the grade.
std::string add_truncated(const Analysis& analysis, std::vector<Reason>& reasons) {
  const CutStacks cut = cut_stacks(analysis);
  if (cut.samples == 0) return {};
  const double part = ratio(cut.samples, analysis.samples());
  const std::string text = fmt::format("{} of the stacks do not reach their root: {}",
                                       short_percent(part),
                                       reasons_of(cut, analysis));
  const std::string remedies = remedies_of(cut, analysis.profile());
  reasons.push_back({grade_of(part, kTruncated), text, remedies});
  return remedies.empty() ? text + "." : fmt::format("{}. To mend it: {}.", text, remedies);
}

void add_unnamed(const Analysis& analysis, std::vector<Reason>& reasons) {
  uint64_t unnamed = 0;
  uint64_t known = 0;  // of them: a rule knows the module as a whole (plpgsql.so, libicu)
  for (const StackUse& use : analysis.uses()) {
    const auto path = analysis.path(use);
    if (!unnamed_leaf(analysis.profile(), path)) continue;
    unnamed += use.samples;
    const Claim& claim = use.classification.primary;
    if (!path.empty() && claim.rule != kNoRule && claim.frame == 0 &&
        analysis.classifier().known_by_module(path[0], claim.rule))
      known += use.samples;
  }
  // What is classified all the same costs the reader names, but never the findings.
  const char at_worst = std::min('C', grade_of(ratio(unnamed, analysis.samples()), kUnnamed));
  const double part = ratio(unnamed, analysis.samples());
  const MissingNames missing = worst_module(analysis);
  reasons.push_back(
      {std::max(at_worst, grade_of(ratio(unnamed - known, analysis.samples()), kUnnamed)),
       fmt::format("{} of the samples end in a function without a name{}",
                   short_percent(part),
                   missing.module.empty() ? std::string()
                                          : fmt::format(", most of them in {} ({})",
                                                        file_name(missing.module),
                                                        explain(missing.reason))),
       naming_remedy(missing)});
}

void add_losses(const Analysis& analysis, std::vector<Reason>& reasons) {
  const Recording& recording = analysis.profile().recording;
  const uint64_t skipped = recording.losses[static_cast<size_t>(Loss::kSkipped)];
  const uint64_t lost = lost_samples(recording) - skipped;
  const double all = static_cast<double>(analysis.samples()) + static_cast<double>(lost) +
                     static_cast<double>(skipped);
  const double lost_part = all > 0 ? static_cast<double>(lost) / all : 0;
  reasons.push_back({grade_of(lost_part, kLost),
                     fmt::format("{} of the samples were lost", short_percent(lost_part)),
                     "record at a lower rate: -F 49"});
  // These are missing whatever the backends did: those that were taken speak for them.
  const double skipped_part = all > 0 ? static_cast<double>(skipped) / all : 0;
  reasons.push_back(
      {std::min('C', grade_of(skipped_part, kLost)),
       fmt::format(
           "{} of the samples that the clock should have taken are missing (the kernel was in "
           "other BPF programs, or the virtual machine had no CPU)",
           short_percent(skipped_part)),
       "record again; for longer if it stays so"});
  if (recording.losses[static_cast<size_t>(Loss::kThrottled)] > 0) {
    reasons.push_back({'B',
                       fmt::format("the kernel throttled the sampling {} times",
                                   recording.losses[static_cast<size_t>(Loss::kThrottled)]),
                       "record at a lower rate, or raise kernel.perf_event_max_sample_rate"});
  }
  if (recording.truncated_input)
    reasons.push_back({'B', "the input ends in the middle", "copy the capture again, completely"});
}

void add_skid(double part, std::vector<Reason>& reasons) {
  reasons.push_back({grade_of(part, kSkid),
                     fmt::format("{} of the samples end where the kernel switches interrupts back "
                                 "on: the time was spent just before",
                                 short_percent(part)),
                     "record on a host with hardware counters (perf stat -e cycles works there)"});
}

void add_size(const Analysis& analysis, const TimeSplit& split, std::vector<Reason>& reasons) {
  const uint64_t samples = analysis.samples();
  const Event& event = analysis.profile().recording.event;
  reasons.push_back({grade_of_samples(samples + wall_samples(split.waiting())),
                     fmt::format("only {}", counted(samples, measure_of(event).sample)),
                     event.is_cpu_time
                         ? "record longer: 1 000 samples need 10 s of one busy core at 99 Hz"
                         : "record longer, or with a shorter period"});
}

}  // namespace

Quality grade(const Analysis& analysis, const TimeSplit& split, double skid) {
  Quality quality;
  std::vector<Reason> reasons;
  add_size(analysis, split, reasons);
  // A handful of stacks beside measured waiting time says nothing about either.
  constexpr uint64_t kTelling = 30;
  if (analysis.samples() >= kTelling || split.waiting() == 0) {
    quality.cut_stacks = add_truncated(analysis, reasons);
    add_unnamed(analysis, reasons);
    add_skid(skid, reasons);
  }
  add_losses(analysis, reasons);
  std::erase_if(reasons, [](const Reason& reason) { return reason.grade == 'A'; });
  std::ranges::stable_sort(reasons, std::greater{}, &Reason::grade);
  quality.grade = reasons.empty() ? 'A' : reasons.front().grade;
  for (const Reason& reason : reasons) {
    quality.reasons.push_back(reason.text);
    if (quality.remedy.find(reason.remedy) != std::string::npos) continue;
    quality.remedy += (quality.remedy.empty() ? "" : "; ") + reason.remedy;
  }
  return quality;
}

std::vector<std::string> notes_on(const Analysis& analysis, double skid) {
  std::vector<std::string> notes;
  if (std::string note = note_on_skid(analysis.profile().recording.event, skid); !note.empty())
    notes.push_back(std::move(note));
  if (std::string note = note_on_other_programs(analysis); !note.empty())
    notes.push_back(std::move(note));
  return notes;
}

}  // namespace pgflame::diagnose
