#include "src/report/page.h"

namespace pgflame::report {
namespace {

using flamegraph::Face;
using flamegraph::fit;
using flamegraph::text_width;
using flamegraph::wrap;

constexpr double kFrameFontSize = 11.5;
constexpr std::string_view kMonoFamily =
    "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace";

}  // namespace

double line_height(TextStyle text_style) {
  return text_style.font.size * 1.5;
}

void Page::start_text(TextStyle text_style) {
  xml.open("text").attr("class", text_style.role.css_class).attr("fill", text_style.role.fill);
  xml.number("font-size", text_style.font.size);
  if (text_style.font.face == Face::kBold) xml.attr("font-weight", "600");
  if (text_style.font.face == Face::kMono) {
    xml.attr("font-family", kMonoFamily).attr("xml:space", "preserve");
  }
}

void Page::line(double x,
                double baseline,
                double room,
                TextStyle text_style,
                std::string_view text,
                Anchor anchor) {
  const std::string shown = fit(text, room, text_style.font);
  if (shown.empty()) return;
  start_text(text_style);
  xml.number("x", x).number("y", baseline);
  if (anchor == Anchor::kMiddle) xml.attr("text-anchor", "middle");
  if (anchor == Anchor::kEnd) xml.attr("text-anchor", "end");
  if (shown != text) xml.leaf("title", text);
  xml.text(shown).close();
}

void Page::paragraph(double x,
                     double room,
                     TextStyle text_style,
                     std::string_view text,
                     size_t max_lines) {
  if (text.empty()) return;
  const double step = line_height(text_style);
  start_text(text_style);
  // The lines are one text for screen readers and for search in the browser.
  for (const std::string& row : wrap(text, room, text_style.font, max_lines)) {
    y += step;
    xml.open("tspan").number("x", x).number("y", y - step * 0.28).text(row + ' ').close();
  }
  xml.close();
}

void Page::heading(std::string_view text, std::string_view aside) {
  y += 34;
  box(left, y, width, 1, kLine);
  y += 30;
  xml.open("g").attr("role", "heading").attr("aria-level", "2");
  line(left, y, width, style::kHeading, text);
  xml.close();
  const double used = text_width(text, style::kHeading.font) + 14;
  line(right(), y, width - used, style::kSmall, aside, Anchor::kEnd);
  y += 14;
}

void Page::open_below(std::string_view graph_id) {
  xml.open("g").attr("class", "below").attr("data-after", graph_id);
  ++open_below_;
}

void Page::close_all_below() {
  for (; open_below_ > 0; --open_below_)
    xml.close();
}

void Page::frame_label(double x, double baseline, double room, std::string_view text) {
  const std::string shown = fit(text, room, {kFrameFontSize, Face::kSans});
  if (shown.empty()) return;
  xml.open("text").attr("fill", kFrameInk).number("font-size", kFrameFontSize);
  xml.number("x", x).number("y", baseline).attr("pointer-events", "none").text(shown).close();
}

void Page::box(double x, double top, double w, double h, Role role, double radius) {
  xml.open("rect").attr("class", role.css_class).attr("fill", role.fill);
  xml.number("x", x).number("y", top).number("width", w).number("height", h);
  if (radius > 0) xml.number("rx", radius);
  xml.close();
}

void Page::swatch(double x, double top, double size, std::string_view fill) {
  xml.open("rect").attr("class", "swatch").attr("fill", fill).number("x", x).number("y", top);
  xml.number("width", size).number("height", size).number("rx", 2.5).close();
}

}  // namespace pgflame::report
