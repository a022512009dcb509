#include "src/report/palette.h"

#include <algorithm>
#include <array>

namespace pgflame::report {
namespace {

using postgres::Area;

// In the order of postgres::Area. Work per row is warm (executor, expressions, deforming), storage
// is blue to teal, what happens once per statement is green, coordination is violet, and what is
// not Postgres is grey. Within that they were chosen so that no two look alike to colour-blind eyes
// (tests/report/palette_test.cpp).
constexpr std::array<std::string_view, postgres::kAreaCount> kAreaFills{
    "#cfd2dc",  // other
    "#d8faa6",  // parser
    "#9bcb71",  // planner
    "#fcd292",  // executor
    "#fe9728",  // expression
    "#f1716b",  // tuple
    "#f2a9d1",  // hash
    "#d889c6",  // sort
    "#a8cbf7",  // index
    "#529def",  // heap
    "#71d29c",  // buffer
    "#d4a4ee",  // lock
    "#747be9",  // wal
    "#e1dbff",  // transaction
    "#dfe84c",  // memory
    "#74b989",  // catalog
    "#b1eec4",  // network
    "#e19860",  // jit
    "#d3c6ba",  // utility
    "#f3eae4",  // main
    "#909a9e",  // kernel
    "#adb5af",  // unnamed
};

struct TimeFill {
  std::string_view id;
  std::string_view fill;
};
constexpr std::array<TimeFill, 13> kTimeFills{{{"running", "#f99a46"},
                                               {"runnable", "#e3d92f"},
                                               {"LWLock", "#c8a6f2"},
                                               {"Lock", "#c46b52"},
                                               {"IO", "#569dd8"},
                                               {"IPC", "#63d0b7"},
                                               {"BufferPin", "#787ce8"},
                                               {"Client", "#a8e6c4"},
                                               {"Timeout", "#e1cfb1"},
                                               {"Activity", "#dff8a4"},
                                               {"Extension", "#f3a8c4"},
                                               {"idle", "#e6ebf5"},
                                               {"unexplained", "#a8a498"}}};
constexpr std::string_view kOtherWait = "#d1d4de";

std::vector<flamegraph::ColourClass> make_classes() {
  std::vector<flamegraph::ColourClass> classes;
  for (size_t i = 0; i < postgres::kAreaCount; ++i) {
    const auto area = static_cast<Area>(i);
    classes.push_back({id_of(area), title_of(area), kAreaFills[i]});
  }
  for (const TimeFill& wait : kTimeFills)
    classes.push_back({wait.id, wait.id, wait.fill});
  classes.push_back({"merged", "Narrow frames", "#c4c9cf"});
  return classes;
}

}  // namespace

std::string_view fill_of(Area area) {
  return kAreaFills[static_cast<size_t>(area)];
}

std::string_view fill_of_area_id(std::string_view area_id) {
  return fill_of(postgres::area_by_id(area_id).value_or(Area::kOther));
}

std::string_view fill_of_time(std::string_view segment_id) {
  const auto* const found = std::ranges::find(kTimeFills, segment_id, &TimeFill::id);
  return found == kTimeFills.end() ? kOtherWait : found->fill;
}

std::string_view fill_of_grade(char grade) {
  switch (grade) {
    case 'A':
      return "#1a7f37";
    case 'B':
      return "#4a6f0e";
    case 'C':
      return "#8a5a00";
    case 'D':
      return "#b04400";
    default:
      return "#b3261e";
  }
}

const std::vector<flamegraph::ColourClass>& colour_classes() {
  static const std::vector<flamegraph::ColourClass> classes = make_classes();
  return classes;
}

size_t class_of_area(Area area) {
  return static_cast<size_t>(area);
}

size_t class_of_wait(std::string_view wait_class) {
  const auto* const found = std::ranges::find(kTimeFills, wait_class, &TimeFill::id);
  if (found == kTimeFills.end()) return class_of_area(Area::kOther);
  return postgres::kAreaCount + static_cast<size_t>(found - kTimeFills.begin());
}

size_t class_of_merged() {
  return colour_classes().size() - 1;
}

}  // namespace pgflame::report
