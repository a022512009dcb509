// The colours of the report.
//
// Every area fill carries the same dark text with a contrast of at least 4.5:1, in light and dark
// mode alike, and keeps its colour from report to report. tests/report checks contrast, and the
// distance between the areas that meet most often for red-green and blue-yellow blind eyes.
#pragma once

#include <string_view>
#include <vector>

#include "flamegraph/draw.h"
#include "src/postgres/areas.h"

namespace pgflame::report {

// A colour of the page around the graph. The class lets the style sheet change it in dark mode; the
// fill is what a viewer without style sheets shows.
struct Role {
  std::string_view css_class;
  std::string_view fill;
};
inline constexpr Role kInk{"ink", "#1b1f24"};
inline constexpr Role kMuted{"muted", "#57606a"};
inline constexpr Role kAccent{"accent", "#a33c00"};
inline constexpr Role kLine{"line", "#d8dee4"};
inline constexpr Role kCard{"card", "#f6f8fa"};
inline constexpr Role kCode{"code", "#eaeef2"};
inline constexpr Role kPaper{"paper", "#ffffff"};

inline constexpr std::string_view kFrameInk = "#16181b";

std::string_view fill_of(postgres::Area area);
std::string_view fill_of_area_id(std::string_view area_id);

// The colour of a share of backend time: "running", "runnable", "idle", "unexplained" or a class of
// wait events.
std::string_view fill_of_time(std::string_view segment_id);

// Background of the grade letter; white text stands on it.
std::string_view fill_of_grade(char grade);

// One class per area, then one per class of wait events, then gathered frames.
const std::vector<flamegraph::ColourClass>& colour_classes();
size_t class_of_area(postgres::Area area);
size_t class_of_wait(std::string_view wait_class);
size_t class_of_merged();

}  // namespace pgflame::report
