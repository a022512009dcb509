#include <fmt/format.h>

#include "src/base/text.h"
#include "src/report/describe.h"
#include "src/report/sections.h"

namespace pgflame::report {
namespace {

constexpr double kBadge = 56;

// The grade letter, and under it the word.
void draw_grade(Page& page, double top, const diagnose::Quality& quality) {
  const double x = page.right() - kBadge;
  page.xml.open("g").attr("role", "img");
  page.xml.attr("aria-label", fmt::format("Capture quality {}", quality.grade));
  page.xml.open("rect").attr("fill", fill_of_grade(quality.grade)).number("x", x);
  page.xml.number("y", top).number("width", kBadge).number("height", kBadge).number("rx", 10);
  page.xml.close();
  page.xml.open("text").attr("fill", "#ffffff").number("x", x + kBadge / 2);
  page.xml.number("y", top + 40).attr("text-anchor", "middle").number("font-size", 34);
  page.xml.attr("font-weight", "700").text(std::string(1, quality.grade)).close();
  page.line(page.right(), top + kBadge + 16, 110, style::kSmall, "capture quality", Anchor::kEnd);
  page.xml.close();
}

}  // namespace

void draw_verdict_card(Page& page, std::string_view text) {
  if (text.empty()) return;
  const double top = page.y;
  page.xml.open("g").attr("class", "verdict").attr("role", "group");
  page.xml.attr("aria-label", "Verdict");
  flamegraph::XmlWriter outer;
  std::swap(outer, page.xml);
  page.y += 12;
  page.paragraph(page.left + 24, page.width - 48, style::kVerdict, text, 12);
  page.y += 16;
  std::swap(outer, page.xml);
  page.box(page.left, top, page.width, page.y - top, kCard, 8);
  page.box(page.left, top, 5, page.y - top, kAccent, 2.5);
  page.xml.append(outer).close();
}

void draw_header(Page& page, const Subject& subject) {
  const diagnose::Quality& quality = subject.diagnosis.quality;
  const double room = page.width - kBadge - 60;
  const double top = page.y;
  page.xml.open("g").attr("role", "heading").attr("aria-level", "1");
  page.line(page.left, top + 26, room, style::kTitle, subject_of(subject.profile));
  page.xml.close();
  std::string when = period_of(subject.profile);
  const std::string samples =
      counted(subject.diagnosis.totals.running,
              subject.profile.recording.has_waits ? "CPU sample" : "sample");
  when = when.empty() ? samples : when + " · " + samples;
  page.y = top + 34;
  page.paragraph(page.left, room, style::kBody, when, 2);
  page.paragraph(page.left, room, style::kBodyMuted, method_of(subject.profile), 2);
  if (!subject.diagnosis.selection.empty()) {
    page.paragraph(page.left, room, style::kBold, "Only " + subject.diagnosis.selection, 2);
  }
  draw_grade(page, top + 2, quality);
  for (const std::string& reason : reasons_beside_verdict(subject.diagnosis))
    page.paragraph(page.left, room, style::kSmall, reason, 4);
  page.y = std::max(page.y, top + kBadge + 24) + 18;
  draw_verdict_card(page, subject.diagnosis.verdict.text);
}

}  // namespace pgflame::report
