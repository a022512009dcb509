#include <algorithm>
#include <functional>
#include <future>
#include <numeric>

#include <fmt/format.h>

#include "flamegraph/draw.h"
#include "src/base/text.h"
#include "src/diagnose/measure.h"
#include "src/report/describe.h"
#include "src/report/paint.h"
#include "src/report/sections.h"
#include "src/report/view_data.h"

namespace pgflame::report {
namespace {

using flamegraph::Box;
using flamegraph::FrameTree;
using flamegraph::NodeId;

// Beyond this, wider and wider frames are gathered: a page stays below 400 kB without what it
// carries, and the script draws them all again from that.
constexpr size_t kMostBoxes = 1500;

constexpr double kLegendRow = 20;

// Room that the script fills: its toolbar above the graph, what a screen reader hears below it.
constexpr double kToolbar = 42;
constexpr double kStatus = 24;

std::vector<Box> light_layout(const Profile& profile, const FrameTree& tree, double width) {
  flamegraph::LayoutOptions options;
  options.width = width;
  std::vector<Box> boxes = layout(profile, tree, options);
  while (boxes.size() > kMostBoxes) {
    options.min_width *= 1.5;
    boxes = layout(profile, tree, options);
  }
  return boxes;
}

// The box for a callout: the widest one with the first name that can carry it, else the widest of
// all of the finding's names.
std::optional<size_t> box_for(const Profile& profile,
                              const FrameTree& tree,
                              const std::vector<Box>& boxes,
                              const diagnose::Finding& finding) {
  constexpr double kComfortable = 40;
  std::optional<size_t> best;
  for (const std::string& name : finding.frames) {
    for (size_t i = 0; i < boxes.size(); ++i) {
      if (boxes[i].merged != 0 || name_of(profile, tree, boxes[i].node) != name) continue;
      if (!best || boxes[i].width > boxes[*best].width) best = i;
    }
    if (best && boxes[*best].width >= kComfortable) break;
  }
  return best;
}

std::vector<flamegraph::Pin> pins_for(const Profile& profile,
                                      const std::vector<diagnose::Finding>& findings,
                                      const FrameTree& tree,
                                      const std::vector<Box>& boxes) {
  std::vector<flamegraph::Pin> pins;
  size_t number = 0;
  for (const diagnose::Finding& finding : findings) {
    ++number;
    if (const auto box = box_for(profile, tree, boxes, finding)) {
      pins.push_back(flamegraph::Pin{*box, std::to_string(number)});
    }
  }
  return pins;
}

// The areas present with their share of self weight, largest first.
void draw_legend(Page& page,
                 std::string_view graph_id,
                 const FrameTree& tree,
                 const flamegraph::Paint& paint) {
  std::vector<uint64_t> weights(paint.classes.size());
  for (uint32_t i = 0; i < tree.nodes.size(); ++i)
    weights[paint.class_of(NodeId{i})] += tree.nodes[NodeId{i}].self;
  std::vector<size_t> order(weights.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return weights[a] > weights[b]; });
  const auto whole = static_cast<double>(tree.nodes[flamegraph::kRoot].total);
  double x = page.left;
  page.y += 6;
  const double top = page.y;
  flamegraph::XmlWriter outer;
  std::swap(outer, page.xml);
  for (const size_t row : order) {
    const double share = static_cast<double>(weights[row]) / whole;
    if (share < 0.0005) break;
    const std::string text = fmt::format("{} {}", paint.classes[row].title, format_percent(share));
    const double width = flamegraph::text_width(text, style::kSmall.font) + 38;
    if (x > page.left && x + width > page.right() + 20) {
      x = page.left;
      page.y += kLegendRow;
    }
    page.swatch(x, page.y, 11, paint.classes[row].fill);
    page.line(x + 17, page.y + 10, page.width - 20, style::kSmall, text);
    x += width;
  }
  std::swap(outer, page.xml);
  page.xml.open("g").attr("class", "legend").attr("data-of", graph_id);
  page.xml.number("data-x", page.left).number("data-y", top).number("data-width", page.width);
  page.xml.number("data-rows", (page.y - top) / kLegendRow + 1).append(outer).close();
  page.y += 26;
}

flamegraph::CollapseOptions in_state(const Profile& profile,
                                     std::span<const Series> series,
                                     State state) {
  flamegraph::CollapseOptions options;
  options.series = series;
  options.base = cluster_frames(profile);
  options.select = [state](const Sample& sample) { return sample.state == state; };
  return options;
}

FrameTree running_tree(const Profile& profile, std::span<const Series> series) {
  return collapse(profile, in_state(profile, series, State::kRunning));
}

FrameTree plan_tree(const Profile& profile, const Profile& plan) {
  flamegraph::CollapseOptions options;
  options.base = cluster_frames(profile);
  return collapse(plan, options);
}

FrameTree waiting_tree(const Profile& profile, std::span<const Series> series) {
  flamegraph::CollapseOptions options = in_state(profile, series, State::kWaiting);
  options.tip = [&profile](const Sample& sample) { return wait_name(profile, sample); };
  return collapse(profile, options);
}

struct Graph {
  std::string_view id;  // "cpu", "executor", "waits"
  std::string_view title;
  std::string amount;     // "26 228 samples"
  std::string_view hint;  // how to read it
  std::string unit;
  bool is_main = false;  // carries the callouts and the toolbar
};

void draw_graph(Page& page, const Subject& subject, const View& view, const Graph& graph) {
  const auto& [profile, tree, paint] = view;
  if (graph.is_main) page.xml.open("g").attr("class", "head");
  page.heading(graph.title, fmt::format("{} · {}", graph.amount, graph.hint));
  if (graph.is_main) page.xml.close();
  draw_legend(page, graph.id, tree, paint);
  if (graph.is_main) {
    page.xml.open("g").attr("class", "bar-place").number("data-x", page.left);
    page.xml.number("data-y", page.y - 4).number("data-width", page.width).close();
    page.y += kToolbar;
  }
  draw_frames(page,
              profile,
              tree,
              paint,
              {graph.id,
               graph.unit,
               graph.is_main ? subject.diagnosis.findings : std::vector<diagnose::Finding>{},
               graph.title,
               graph.hint});
  if (graph.is_main) {
    draw_status_place(page);
  }
}

}  // namespace

void draw_frames(Page& page,
                 const Profile& profile,
                 const FrameTree& tree,
                 const flamegraph::Paint& paint,
                 const Frames& frames) {
  const std::vector<Box> boxes = light_layout(profile, tree, page.width);
  flamegraph::DrawOptions options;
  options.unit = frames.unit;
  options.pins = pins_for(profile, frames.pinned, tree, boxes);
  const double height = height_of(boxes, options);
  page.xml.open("g").attr("class", "graph").attr("data-graph", frames.id);
  page.xml.attr("transform",
                fmt::format("translate({} {})",
                            flamegraph::short_number(page.left),
                            flamegraph::short_number(page.y)));
  page.xml.number("data-width", page.width).number("data-height", height);
  page.xml.number("data-row", options.row_height).attr("data-unit", frames.unit);
  page.xml.attr("data-title", frames.title).attr("data-hint", frames.hint);
  draw(page.xml, profile, tree, boxes, paint, options);
  page.xml.close();
  page.y += height;
  page.open_below(frames.id);
}

void draw_status_place(Page& page) {
  page.xml.open("text").attr("class", "status muted").attr("role", "status");
  page.xml.attr("fill", kMuted.fill);
  page.xml.number("x", page.left).number("y", page.y + 16).number("font-size", 12).close();
  page.y += kStatus;
}

Trees start_trees(const Profile& profile,
                  std::span<const Series> series,
                  const std::shared_future<Profile>& plan) {
  const auto start = [](auto tree) { return std::async(std::launch::async, tree).share(); };
  return {start([&profile, series] { return running_tree(profile, series); }),
          start([&profile, plan] { return plan_tree(profile, plan.get()); }),
          start([&profile, series] { return waiting_tree(profile, series); })};
}

void draw_graphs(Page& page, const Subject& subject, const Trees& trees) {
  const Profile& profile = subject.profile;
  const FrameTree& cpu = trees.running.get();
  const bool has_cpu = cpu.nodes[flamegraph::kRoot].total > 0;
  const diagnose::Measure measure = diagnose::measure_of(profile.recording.event);
  const std::string hint = "callers below, callees above · width is " + measure.whole;
  if (has_cpu) {
    draw_graph(page,
               subject,
               {profile, cpu, stack_paint(profile, cpu)},
               {"cpu",
                measure.title,
                counted(cpu.nodes[flamegraph::kRoot].samples, "sample"),
                hint,
                "samples",
                true});
  }
  const FrameTree& plan = trees.plan.get();
  const auto is_plan_node = [](const Function& function) { return function.file.empty(); };
  if (std::ranges::any_of(subject.plan().functions, is_plan_node)) {
    draw_graph(page,
               subject,
               {subject.plan(), plan, plan_paint(subject.plan(), plan)},
               {"executor",
                measure.title + ", by plan node",
                "the same samples",
                "what each plan node did stands on top of it",
                "samples"});
  }
  const FrameTree& waiting = trees.waiting.get();
  if (waiting.nodes[flamegraph::kRoot].total > 0) {
    const double seconds = static_cast<double>(waiting.nodes[flamegraph::kRoot].total) / 1e9;
    draw_graph(page,
               subject,
               {profile, waiting, stack_paint(profile, waiting)},
               {"waits",
                "Waiting",
                fmt::format("{:.1f} s", seconds),
                "width is time off the CPU, the wait event on top",
                "waits",
                !has_cpu});
  }
}

}  // namespace pgflame::report
