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
    "#d3d8de",  // other
    "#d5ea9f",  // parser
    "#a9d47c",  // planner
    "#fbd38d",  // executor
    "#f79a4b",  // expression
    "#f2716b",  // tuple
    "#f3a8c4",  // hash
    "#d987c9",  // sort
    "#7fb8f0",  // index
    "#5fa3dc",  // heap
    "#6fd0cf",  // buffer
    "#a58ae6",  // lock
    "#8f9cf5",  // wal
    "#c9b6f0",  // transaction
    "#e3dc6c",  // memory
    "#7fbf8e",  // catalog
    "#a5e3c0",  // network
    "#d9a679",  // jit
    "#d6c7b0",  // utility
    "#ece7df",  // main
    "#a3adb8",  // kernel
    "#bdbab6",  // unnamed
};

struct TimeFill {
  std::string_view id;
  std::string_view fill;
};
constexpr std::array<TimeFill, 13> kTimeFills{{{"running", "#f79a4b"},
                                               {"runnable", "#e3dc6c"},
                                               {"LWLock", "#a58ae6"},
                                               {"Lock", "#d987c9"},
                                               {"IO", "#5fa3dc"},
                                               {"IPC", "#6fd0cf"},
                                               {"BufferPin", "#8f9cf5"},
                                               {"Client", "#a5e3c0"},
                                               {"Timeout", "#d6c7b0"},
                                               {"Activity", "#d5ea9f"},
                                               {"Extension", "#f3a8c4"},
                                               {"idle", "#e4e8ec"},
                                               {"unexplained", "#bdbab6"}}};
constexpr std::string_view kOtherWait = "#d3d8de";

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
