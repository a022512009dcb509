#include <fmt/format.h>

#include "src/report/describe.h"
#include "src/report/sections.h"

namespace pgflame::report {

void draw_footer(Page& page, const Subject& subject, std::string_view reopening) {
  const Recording& recording = subject.profile.recording;
  page.heading("How far to trust this");
  page.y += 2;
  page.paragraph(page.left, page.width, style::kBold, subject.diagnosis.totals.line, 3);
  const auto small = [&](std::string_view text) {
    if (!text.empty()) page.paragraph(page.left, page.width, style::kSmall, text, 4);
  };
  page.y += 4;
  if (!recording.sampler_reason.empty()) small(recording.sampler + ": " + recording.sampler_reason);
  for (const std::string& note : subject.diagnosis.notes)
    small(note);
  for (const std::string& note : notes_of(subject.profile, subject.series))
    small(note);
  small(reopening);
  small(cost_line(subject.profile));
  std::string origin = "pgflame";
  if (!recording.version.empty()) origin += " " + recording.version;
  if (!recording.kernel.empty()) {
    origin += fmt::format(" · kernel {} {}", recording.kernel, recording.architecture);
  }
  if (!recording.command_line.empty()) origin += " · " + recording.command_line;
  small(origin);
}

}  // namespace pgflame::report
