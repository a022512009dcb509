#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/measure.h"
#include "src/report/describe.h"
#include "src/report/sections.h"

namespace pgflame::report {
namespace {

constexpr double kBarHeight = 34;

std::string title_of(const diagnose::TimeSegment& segment) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kTitles{
      {{"running", "on CPU"},
       {"runnable", "waiting for a CPU"},
       {"LWLock", "LWLock waits"},
       {"Lock", "Lock waits"},
       {"IO", "IO waits"},
       {"IPC", "other processes"},
       {"Client", "client"},
       {"BufferPin", "buffer pins"},
       {"Timeout", "timeouts"},
       {"idle", "idle"},
       {"unexplained", "unexplained"}}};
  for (const auto& [id, title] : kTitles) {
    if (id == segment.id) return std::string(title);
  }
  return segment.id;
}

void draw_bar(Page& page, const std::vector<diagnose::TimeSegment>& segments) {
  const flamegraph::Font font = style::kBold.font;
  double x = page.left;
  for (const diagnose::TimeSegment& segment : segments) {
    const double width = std::clamp(segment.share, 0.0, 1.0) * page.width;
    if (width <= 0) continue;
    page.xml.open("rect").attr("class", "segment").attr("fill", fill_of_time(segment.id));
    page.xml.number("x", x).number("y", page.y).number("width", std::max(width - 1, 0.5));
    page.xml.number("height", kBarHeight);
    page.xml.leaf("title", title_of(segment) + " · " + format_percent(segment.share)).close();
    const std::string label = title_of(segment) + " " + format_percent(segment.share);
    if (flamegraph::text_width(label, font) + 16 < width) {
      page.xml.open("text").attr("fill", kFrameInk).number("x", x + 8);
      page.xml.number("y", page.y + 22).number("font-size", font.size);
      page.xml.attr("font-weight", "600").text(label).close();
    }
    x += width;
  }
  page.y += kBarHeight + 8;
}

void draw_bar_legend(Page& page, const std::vector<diagnose::TimeSegment>& segments) {
  double x = page.left;
  page.y += 6;
  for (const diagnose::TimeSegment& segment : segments) {
    const std::string text = fmt::format("{} {} · {:.1f} s",
                                         title_of(segment),
                                         format_percent(segment.share),
                                         static_cast<double>(segment.nanoseconds) / 1e9);
    const double width = flamegraph::text_width(text, style::kSmall.font) + 40;
    if (x > page.left && x + width > page.right()) {
      x = page.left;
      page.y += 20;
    }
    page.swatch(x, page.y, 11, fill_of_time(segment.id));
    page.line(x + 17, page.y + 10, page.width - 20, style::kSmall, text);
    x += width;
  }
  page.y += 18;
}

// What can be said about time when only running backends were sampled.
std::string cpu_only_text(const Subject& subject) {
  const Profile& profile = subject.profile;
  const Event& event = profile.recording.event;
  const uint64_t samples = subject.diagnosis.totals.running;
  uint64_t weight = 0;
  for (const Series& series : subject.series)
    weight += series.sum.state == State::kRunning ? series.sum.weight : 0;
  if (!event.is_cpu_time)
    return fmt::format("No time was captured, but {}.",
                       diagnose::events_in_samples(event, weight, samples));
  std::string text = "Only time on a CPU was captured";
  if (profile.recording.duration_ns > 0 && event.unit == WeightUnit::kNanoseconds) {
    text += fmt::format(
        ": {:.2f} CPUs busy with what was sampled",
        static_cast<double>(weight) / static_cast<double>(profile.recording.duration_ns));
    if (profile.recording.cpus > 0) text += fmt::format(", of {}", profile.recording.cpus);
  }
  return text + ". Time spent waiting is not in this picture.";
}

}  // namespace

void draw_time(Page& page, const Subject& subject) {
  const auto& segments = subject.diagnosis.time;
  page.heading("Where the time went",
               segments.empty() ? std::string_view{} : "all time of all sampled backends");
  if (segments.empty()) {
    page.paragraph(page.left, page.width, style::kBody, cpu_only_text(subject));
  } else {
    page.y += 4;
    draw_bar(page, segments);
    draw_bar_legend(page, segments);
  }
  const std::string host = host_line(subject.profile);
  if (host.empty()) return;
  page.y += 4;
  page.paragraph(page.left, page.width, style::kBodyMuted, "Host: " + host, 3);
}

}  // namespace pgflame::report
