#include "src/diagnose/skid.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "src/diagnose/evidence.h"
#include "src/diagnose/figures.h"
#include "src/postgres/function_names.h"

namespace pgflame::diagnose {
namespace {

// Where interrupts are switched on again (kernel/sched/core.c, include/linux/spinlock_api_smp.h,
// arch/x86/include/asm/irqflags.h): a timer-driven sample that fell due earlier lands here.
constexpr std::array<std::string_view, 5> kSkids{"finish_task_switch",
                                                 "_raw_spin_unlock_irqrestore",
                                                 "_raw_spin_unlock_irq",
                                                 "do_softirq",
                                                 "__do_softirq"};

}  // namespace

double skid_share(const Analysis& analysis) {
  const std::string& event = analysis.profile().recording.event.name;
  if (!event.starts_with("cpu-clock") && !event.starts_with("task-clock")) return 0;
  const auto& functions = analysis.profile().functions;
  const std::vector<uint64_t> samples = samples_by_leaf(analysis);
  uint64_t skidded = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (samples[i] == 0) continue;
    const std::string_view leaf = postgres::base_name(functions[functions.id_at(i)].name);
    if (std::ranges::find(kSkids, leaf) != kSkids.end()) skidded += samples[i];
  }
  return ratio(skidded, analysis.samples());
}

std::string note_on_skid(const Event& event, double share) {
  if (share < 0.03) return {};
  return fmt::format(
      "VMSKID: {} of the samples end where the kernel switches interrupts back on "
      "(finish_task_switch, _raw_spin_unlock_irqrestore). The {} event is a timer, which cannot "
      "interrupt before that: the time was spent somewhere just before, not in these functions.",
      short_percent(share),
      event.name);
}

std::string skid_page() {
  std::string page =
      "VMSKID: samples that land where interrupts are switched on again\n"
      "area kernel\n\n"
      "Means\n"
      "  Without hardware counters (most virtual machines) samples come from a timer (cpu-clock,\n"
      "  task-clock). While the kernel has interrupts switched off it cannot fire; the sample "
      "falls\n"
      "  on the function that switches them on again, though the time was spent just before.\n\n"
      "Functions\n";
  for (const std::string_view function : kSkids)
    page += fmt::format("  {}\n", function);
  return page +
         "\nDo\n"
         "  - Read these frames as their callers: waking another process, a context switch, the "
         "end\n"
         "    of a system call.\n"
         "  - A host that passes hardware counters through (perf stat -e cycles works) shows the "
         "place\n"
         "    itself.\n";
}

}  // namespace pgflame::diagnose
