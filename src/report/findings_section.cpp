#include <algorithm>

#include <fmt/format.h>

#include "flamegraph/draw.h"
#include "src/base/text.h"
#include "src/report/describe.h"
#include "src/report/sections.h"

namespace pgflame::report {
namespace {

using diagnose::Finding;

constexpr double kLabelColumn = 44;
constexpr double kTextColumn = 158;
constexpr double kGauge = 150;
constexpr double kShowLink = 110;  // the script puts "show in graph" there

double text_room(const Page& page) {
  return page.width - kTextColumn - 48;
}

// "Seen", "Means"...: label in its column, text wrapped beside it.
void draw_row(Page& page, std::string_view label, std::string_view text) {
  if (text.empty()) return;
  page.y += 6;
  page.line(page.left + kLabelColumn, page.y + 14, 112, style::kLabel, label);
  page.paragraph(page.left + kTextColumn, text_room(page), style::kBody, text);
}

void draw_actions(Page& page, const std::vector<std::string>& actions) {
  if (actions.empty()) return;
  page.y += 6;
  page.line(page.left + kLabelColumn, page.y + 14, 112, style::kLabel, "Do");
  const double indent = actions.size() > 1 ? 20 : 0;
  size_t number = 0;
  for (const std::string& action : actions) {
    ++number;
    if (indent > 0) {
      page.line(page.left + kTextColumn,
                page.y + 15,
                indent,
                style::kBodyMuted,
                fmt::format("{}.", number));
    }
    page.paragraph(
        page.left + kTextColumn + indent, text_room(page) - indent, style::kBody, action);
  }
}

// SQL or a command on a tinted block.
void draw_code(Page& page, std::string_view label, std::string_view code) {
  if (code.empty()) return;
  page.y += 10;
  page.line(page.left + kLabelColumn, page.y + 20, 112, style::kLabel, label);
  const double room = text_room(page);
  const auto lines = flamegraph::wrap(code, room - 24, style::kMono.font, 60);
  const double height = static_cast<double>(lines.size()) * line_height(style::kMono) + 12;
  page.box(page.left + kTextColumn, page.y, room, height, kCode, 5);
  page.y += 5;
  page.paragraph(page.left + kTextColumn + 12, room - 24, style::kMono, code);
  page.y += 9;
}

// The share with its interval on a scale from 0 to 100 %.
void draw_gauge(Page& page, double top, const Finding& finding) {
  const double x = page.right() - kGauge - 20;
  const auto at = [&](double share) { return x + std::clamp(share, 0.0, 1.0) * kGauge; };
  page.xml.open("g").attr("class", "gauge").attr("role", "img");
  page.xml.attr("aria-label",
                fmt::format("{}, 95 % interval {} to {}",
                            format_percent(finding.share.share),
                            format_percent(finding.share.low),
                            format_percent(finding.share.high)));
  page.box(x, top, kGauge, 10, kCode, 5);
  page.xml.open("rect").attr("fill", fill_of_area_id(finding.area)).number("x", x);
  page.xml.number("y", top).number("width", std::max(at(finding.share.share) - x, 2.0));
  page.xml.number("height", 10).number("rx", 5).close();
  page.xml.open("path").attr("class", "ink-line").attr("stroke", kInk.fill).attr("fill", "none");
  page.xml.attr("d",
                fmt::format("M{0} {2}H{1}M{0} {3}v6M{1} {3}v6",
                            flamegraph::short_number(at(finding.share.low)),
                            flamegraph::short_number(at(finding.share.high)),
                            flamegraph::short_number(top + 5),
                            flamegraph::short_number(top + 2)));
  page.xml.close().close();
}

std::string headline_of(const Finding& finding) {
  return finding.headline.empty()
             ? fmt::format("{}: {} of CPU", finding.title, format_percent(finding.share.share))
             : finding.headline;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines)
    text += (text.empty() ? "" : "\n") + line;
  return text;
}

void draw_finding(Page& page, const Finding& finding, size_t number) {
  const std::string headline = headline_of(finding);
  const double top = page.y;
  page.xml.open("g").attr("class", "finding").attr("role", "group");
  page.xml.attr("aria-label", fmt::format("Finding {}: {}", number, headline));
  page.xml.attr("data-frames", joined(finding.frames)).attr("data-id", finding.id);
  flamegraph::XmlWriter outer;
  std::swap(outer, page.xml);
  flamegraph::draw_disc(page.xml, page.left + 25, top + 24, 11, std::to_string(number));
  page.y += 9;
  page.xml.open("g").attr("role", "heading").attr("aria-level", "3");
  page.paragraph(page.left + kLabelColumn,
                 page.width - kLabelColumn - kGauge - kShowLink - 50,
                 style::kHeadline,
                 headline,
                 4);
  page.xml.close();
  draw_gauge(page, top + 19, finding);
  page.xml.open("text").attr("class", "show accent").attr("fill", kAccent.fill);
  page.xml.attr("text-anchor", "end").number("font-size", 12);
  page.xml.number("x", page.right() - kGauge - 36).number("y", top + 28).close();
  draw_row(page, "Seen", finding.seen);
  draw_row(page, "Means", finding.means);
  draw_actions(page, finding.actions);
  draw_code(page, "Confirm", finding.confirm);
  draw_row(page, "Wrong if", finding.refute);
  page.y += 18;
  std::swap(outer, page.xml);
  page.box(page.left, top, page.width, page.y - top, kCard, 8);
  page.xml.open("rect").attr("fill", fill_of_area_id(finding.area)).number("x", page.left);
  page.xml.number("y", top).number("width", 5).number("height", page.y - top).number("rx", 2.5);
  page.xml.close().append(outer).close();
  page.y += 16;
}

void draw_withheld(Page& page, const diagnose::Quality& quality) {
  page.y += 6;
  page.paragraph(page.left,
                 page.width,
                 style::kBody,
                 fmt::format("The capture's quality is {}: too little of it can be trusted for "
                             "findings, so none are given. The graph above shows what was seen.",
                             quality.grade));
  if (quality.remedy.empty()) return;
  page.y += 8;
  page.paragraph(page.left, page.width, style::kBold, "To get findings:");
  page.paragraph(page.left, page.width, style::kBody, quality.remedy);
}

}  // namespace

void draw_findings(Page& page, const Subject& subject) {
  const diagnose::Diagnosis& diagnosis = subject.diagnosis;
  page.heading("Findings", "with 95 % intervals");
  page.y += 8;
  if (diagnosis.verdict.kind == diagnose::VerdictClass::kWithheld) {
    draw_withheld(page, diagnosis.quality);
    return;
  }
  if (diagnosis.findings.empty()) {
    const std::string_view why =
        diagnosis.verdict.kind == diagnose::VerdictClass::kEventsOnly
            ? "Findings are about time, which these samples do not tell: none are given."
            : "No known pattern holds enough of the samples to be called a finding.";
    page.paragraph(page.left, page.width, style::kBody, why);
  }
  size_t number = 0;
  for (const Finding& finding : diagnosis.findings)
    draw_finding(page, finding, ++number);
}

}  // namespace pgflame::report
