#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/measure.h"
#include "src/report/sections.h"

namespace pgflame::report {
namespace {

constexpr double kHeight = 64;
constexpr uint32_t kMostColumns = 300;
constexpr uint32_t kLongest = 24 * 3600;  // seconds; a recording is never longer

// Samples per column of the strip and band, bands in the order of their areas.
struct Bands {
  uint32_t seconds = 0;
  uint32_t per_column = 1;
  std::map<postgres::Area, std::vector<uint64_t>> rows;
  uint64_t tallest = 0;
};

// Areas of the functions that stacks end in. Each function is looked up once.
class LeafAreas {
 public:
  explicit LeafAreas(const Profile& profile)
      : profile_(profile), of_function_(profile.functions.size()) {}

  postgres::Area of(StackId stack) {
    const LocationId location = profile_.stacks[stack].location;
    if (!location.valid() || profile_.locations[location].line_count == 0)
      return postgres::Area::kUnnamed;
    const FunctionId leaf = profile_.lines[profile_.locations[location].first_line].function;
    std::optional<postgres::Area>& area = of_function_[leaf.value];
    if (!area) area = postgres::area_of(profile_, leaf);
    return *area;
  }

 private:
  const Profile& profile_;
  std::vector<std::optional<postgres::Area>> of_function_;
};

// A recording of 10 s ends a few milliseconds into its eleventh second, which is none to be shown.
uint32_t last_second(const Recording& recording) {
  constexpr int64_t kSecond = 1'000'000'000;
  if (recording.duration_ns < kSecond) return kLongest;
  const int64_t begun = (recording.duration_ns - kSecond / 5) / kSecond;
  return static_cast<uint32_t>(std::min<int64_t>(begun, kLongest));
}

using BySecond = std::array<std::vector<uint64_t>, postgres::kAreaCount>;  // by area

BySecond count_by_second(const Profile& profile, std::span<const Series> series) {
  const uint32_t last = last_second(profile.recording);
  LeafAreas areas(profile);
  BySecond by_second;
  for (const auto& [sum, first, end] : series) {
    if (sum.state != State::kRunning) continue;
    auto& row = by_second[static_cast<size_t>(areas.of(sum.stack))];
    for (const Sample& sample : std::span(profile.samples).subspan(first, end - first)) {
      if (sample.second >= kLongest) continue;
      const uint32_t second = std::min(sample.second, last);
      if (row.size() <= second) row.resize(size_t{second} + 1);
      row[second] += sample.count;
    }
  }
  return by_second;
}

Bands count(const Profile& profile, std::span<const Series> series) {
  Bands bands;
  const BySecond by_second = count_by_second(profile, series);
  for (const auto& row : by_second)
    bands.seconds = std::max(bands.seconds, static_cast<uint32_t>(row.size()));
  bands.per_column = (bands.seconds + kMostColumns - 1) / kMostColumns;
  if (bands.seconds < 3) return bands;
  const size_t columns = (bands.seconds + bands.per_column - 1) / bands.per_column;
  std::vector<uint64_t> totals(columns);
  for (size_t area = 0; area < by_second.size(); ++area) {
    if (by_second[area].empty()) continue;
    auto& row = bands.rows[static_cast<postgres::Area>(area)];
    row.resize(columns);
    for (size_t second = 0; second < by_second[area].size(); ++second) {
      row[second / bands.per_column] += by_second[area][second];
      totals[second / bands.per_column] += by_second[area][second];
    }
  }
  bands.tallest = *std::ranges::max_element(totals);
  return bands;
}

// One step-shaped area per band, each standing on the one before.
void draw_bands(Page& page, const Bands& bands, double top) {
  std::vector<uint64_t> floor(bands.rows.begin()->second.size());
  const double step = page.width / static_cast<double>(floor.size());
  const auto y_of = [&](uint64_t value) {
    return flamegraph::short_number(
        top + kHeight * (1 - static_cast<double>(value) / static_cast<double>(bands.tallest)));
  };
  const auto x_of = [&](size_t column) {
    return flamegraph::short_number(page.left + static_cast<double>(column) * step);
  };
  for (const auto& [area, row] : bands.rows) {
    std::string path = "M" + x_of(0) + " " + y_of(floor[0]);
    std::string back;
    for (size_t i = 0; i < row.size(); ++i) {
      path += "V" + y_of(floor[i] + row[i]) + "H" + x_of(i + 1);
    }
    for (size_t i = row.size(); i-- > 0;)
      path += "V" + y_of(floor[i]) + "H" + x_of(i);
    page.xml.open("path").attr("fill", fill_of(area)).attr("d", path + "Z");
    page.xml.leaf("title", title_of(area)).close();
    for (size_t i = 0; i < row.size(); ++i)
      floor[i] += row[i];
  }
}

std::string clock_at(const Recording& recording, uint32_t second) {
  if (recording.start_unix_ns <= 0) return fmt::format("{} s", second);
  const std::string text = format_utc(recording.start_unix_ns + int64_t{second} * 1'000'000'000);
  return text.substr(11, 8);
}

// Seconds between two labels: a step people count in, and at most eight of them.
uint32_t label_step(uint32_t seconds) {
  constexpr std::array<uint32_t, 14> kSteps{
      1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200};
  const auto* const fits =
      std::ranges::find_if(kSteps, [=](uint32_t step) { return seconds / step <= 8; });
  return fits != kSteps.end() ? *fits : 4 * 3600;
}

void draw_axis(Page& page, const Recording& recording, const Bands& bands, double top) {
  page.box(page.left, top + kHeight, page.width, 1, kLine);
  const uint32_t step = label_step(bands.seconds);
  for (uint32_t second = 0; second <= bands.seconds; second += step) {
    const double x = page.left + page.width * static_cast<double>(second) / bands.seconds;
    const bool at_end = x > page.right() - 30;
    const Anchor anchor = second == 0 ? Anchor::kStart : at_end ? Anchor::kEnd : Anchor::kMiddle;
    page.box(std::min(x, page.right() - 1), top + kHeight, 1, 5, kLine);
    page.line(at_end ? page.right() : x,
              top + kHeight + 18,
              120,
              style::kSmall,
              clock_at(recording, second),
              anchor);
  }
}

}  // namespace

void draw_timeline(Page& page, const Subject& subject) {
  const Bands bands = count(subject.profile, subject.series);
  if (bands.seconds < 3 || bands.tallest == 0) return;
  page.y += 22;
  page.line(page.left,
            page.y,
            400,
            style::kBold,
            diagnose::measure_of(subject.profile.recording.event).whole + " through the recording");
  page.line(page.right(),
            page.y,
            600,
            style::kSmall,
            "colour is the area of the running function, as in the graph",
            Anchor::kEnd);
  page.y += 10;
  page.xml.open("g").attr("class", "timeline").number("data-seconds", bands.seconds);
  page.xml.number("data-x", page.left).number("data-y", page.y);
  page.xml.number("data-width", page.width).number("data-height", kHeight);
  draw_bands(page, bands, page.y);
  draw_axis(page, subject.profile.recording, bands, page.y);
  page.xml.close();
  page.y += kHeight + 22;
}

}  // namespace pgflame::report
