#include "src/diagnose/measure.h"

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/figures.h"

namespace pgflame::diagnose {

Measure measure_of(const Event& event) {
  if (event.is_cpu_time) return {"CPU time", "CPU", "On CPU", "of CPU", "time", "on-CPU sample"};
  const std::string name = quoted(event.name);
  return {name, name, name, "share", name, name + " sample"};
}

std::string events_in_samples(const Event& event, uint64_t weight, uint64_t samples) {
  std::string taken = counted(samples, measure_of(event).sample);
  // Texts without periods say no more than how often the event was sampled.
  if (weight == samples) return taken;
  return fmt::format(
      "{} {} in {}", format_count(weight), measure_of(event).whole, counted(samples, "sample"));
}

}  // namespace pgflame::diagnose
