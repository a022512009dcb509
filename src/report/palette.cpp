#include "src/report/palette.h"

#include <algorithm>
#include <array>

namespace pgflame::report {
namespace {

using postgres::Area;

// In the order of postgres::Area. Work per row is warm (executor, expressions, deforming), storage
// is blue to teal, what happens once per statement is green, coordination is violet, and what is
// not Postgres is grey.
constexpr std::array<std::string_view, postgres::kAreaCount> kAreaFills{
    "#d1d4de",  // other
    "#dff8a4",  // parser
    "#9cc857",  // planner
    "#f7cd8f",  // executor
    "#f99a46",  // expression
    "#f2716b",  // tuple
    "#f3a8c4",  // hash
    "#da86c7",  // sort
    "#a2cbf8",  // index
    "#569dd8",  // heap
    "#63d0b7",  // buffer
    "#c8a6f2",  // lock
    "#787ce8",  // wal
    "#e2d6fb",  // transaction
    "#dee84b",  // memory
    "#76b884",  // catalog
    "#a8e6c4",  // network
    "#daa374",  // jit
    "#e1cfb1",  // utility
    "#edeade",  // main
    "#93a1b3",  // kernel
    "#c3b6a4",  // unnamed
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
