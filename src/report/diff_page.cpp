// The page that sets two profiles side by side: what changed, in words and in two graphs with the
// same order of frames.
#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include "flamegraph/counterparts.h"
#include "src/base/text.h"
#include "src/report/change.h"
#include "src/report/describe.h"
#include "src/report/document.h"
#include "src/report/report.h"
#include "src/report/sections.h"

namespace pgflame::report {
namespace {

using flamegraph::FrameTree;
using flamegraph::kRoot;
using flamegraph::NodeId;

FrameTree cpu_tree(const Profile& profile) {
  flamegraph::CollapseOptions options;
  options.select = [](const Sample& sample) { return sample.state == State::kRunning; };
  return collapse(profile, options);
}

// Samples with the function anywhere (total) and at the leaf (self), by name.
struct FunctionCounts {
  uint64_t self = 0;
  uint64_t total = 0;
  postgres::Area area = postgres::Area::kOther;
};
using Counts = std::unordered_map<std::string_view, FunctionCounts>;

bool is_under_itself(const FrameTree& tree, NodeId node) {
  const FunctionId function = tree.nodes[node].function;
  for (NodeId at = tree.nodes[node].parent; at != kRoot; at = tree.nodes[at].parent) {
    if (tree.nodes[at].function == function) return true;
  }
  return false;
}

Counts count_functions(const Profile& profile, const FrameTree& tree) {
  Counts counts;
  std::vector<uint64_t> below(tree.nodes.size());
  for (uint32_t i = 1; i < tree.nodes.size(); ++i)
    below[tree.nodes[NodeId{i}].parent.value] += tree.nodes[NodeId{i}].samples;
  for (uint32_t i = 1; i < tree.nodes.size(); ++i) {
    const flamegraph::Node& node = tree.nodes[NodeId{i}];
    FunctionCounts& row = counts[name_of(profile, tree, NodeId{i})];
    row.self += node.samples - below[i];
    if (!is_under_itself(tree, NodeId{i})) row.total += node.samples;
    row.area = postgres::area_of(profile, node.function);
  }
  return counts;
}

struct FunctionChange {
  std::string_view name;
  postgres::Area area = postgres::Area::kOther;
  Change self;
  Change total;
};

class DiffPage {
 public:
  DiffPage(const Profile& before, const Profile& after, const DiffText& text, double width)
      : before_(before),
        after_(after),
        tree_before_(cpu_tree(before)),
        tree_after_(cpu_tree(after)),
        text_(text),
        page_(width, kMargin) {}

  std::string draw() && {
    page_.y = kMargin - 6;
    draw_head();
    draw_sentences();
    draw_key();
    draw_side({after_, tree_after_}, {before_, tree_before_}, "after", "After");
    draw_gone_lane();
    draw_side({before_, tree_before_}, {after_, tree_after_}, "before", "Before");
    draw_table();
    page_.y += 20;
    page_.paragraph(page_.left,
                    page_.width,
                    style::kSmall,
                    "A change is called one from three standard errors and half a percentage point "
                    "of CPU samples on; what is smaller is grey and may be noise.");
    DocumentFacts facts;
    facts.title = "pgflame comparison: " + subject_of(after_);
    facts.identity = identity_of(after_, identity_of(before_, 0));
    facts.classes = classes_;
    facts.kind = "pgflame diff";
    return finish_document(page_, facts);
  }

 private:
  uint64_t samples_before() const { return tree_before_.nodes[kRoot].samples; }
  uint64_t samples_after() const { return tree_after_.nodes[kRoot].samples; }

  void draw_head() {
    page_.line(page_.left,
               page_.y + 26,
               page_.width,
               style::kTitle,
               "What changed: " + subject_of(after_));
    page_.y += 34;
    const auto side = [&](std::string_view label, const Profile& profile, uint64_t samples) {
      page_.y += 20;
      page_.line(page_.left, page_.y, 70, style::kLabel, label);
      page_.line(page_.left + 70,
                 page_.y,
                 page_.width - 70,
                 style::kBody,
                 fmt::format("{} · {} CPU samples · {}",
                             period_of(profile),
                             format_count(samples),
                             method_of(profile)));
    };
    side("Before", before_, samples_before());
    side("After", after_, samples_after());
    page_.y += 20;
    draw_verdict_card(page_, text_.verdict);
  }

  void draw_sentences() {
    if (text_.sentences.empty()) return;
    page_.heading("Changes", "largest first");
    for (const std::string& sentence : text_.sentences) {
      page_.y += 4;
      page_.box(page_.left + 2, page_.y + 8, 6, 6, kAccent, 3);
      page_.paragraph(page_.left + 20, page_.width - 20, style::kBody, sentence, 6);
    }
  }

  void draw_key() {
    page_.heading("On CPU", "width is the share of CPU time, colour its change");
    struct Item {
      std::string_view fill;
      std::string_view text;
    };
    constexpr std::array<Item, 7> kItems{{{"#ec7046", "more by 5 points and up"},
                                          {"#f6a37e", "more by 1.5"},
                                          {"#fbcdb5", "more"},
                                          {"#d9dce0", "within noise"},
                                          {"#c3dbf5", "less"},
                                          {"#90bbea", "less by 1.5"},
                                          {"#5c97da", "less by 5 points and up"}}};
    double x = page_.left;
    page_.y += 6;
    for (const Item& item : kItems) {
      page_.swatch(x, page_.y, 11, item.fill);
      page_.line(x + 17, page_.y + 10, 250, style::kSmall, item.text);
      x += flamegraph::text_width(item.text, style::kSmall.font) + 40;
    }
    page_.y += 12;
    page_.xml.open("g").attr("class", "bar-place").number("data-x", page_.left);
    page_.xml.number("data-y", page_.y + 10).number("data-width", page_.width).close();
    page_.y += 40;
  }

  // Row of classes_ for a fill.
  size_t class_row(std::string_view fill) {
    const auto found = std::ranges::find(classes_, fill, &flamegraph::ColourClass::fill);
    return static_cast<size_t>(found - classes_.begin());
  }

  void draw_side(const flamegraph::Side& shown,
                 const flamegraph::Side& other,
                 std::string_view id,
                 std::string_view title) {
    const auto pairs = flamegraph::counterparts(shown, other);
    const auto change = [&](NodeId node) {
      const NodeId pair = pairs[node.value];
      const Portion here{shown.tree.nodes[node].samples, shown.tree.nodes[kRoot].samples};
      const Portion there{pair.valid() ? other.tree.nodes[pair].samples : 0,
                          other.tree.nodes[kRoot].samples};
      return id == "after" ? change_of(there, here) : change_of(here, there);
    };
    flamegraph::Paint paint;
    paint.classes = classes_;
    paint.merged_class = classes_.size() - 1;
    paint.class_of = [&](NodeId node) { return class_row(fill_of(change(node))); };
    paint.detail = [&](NodeId node) { return describe(change(node)); };
    page_.y += id == "after" ? 14 : 26;
    page_.line(page_.left, page_.y, 300, style::kBold, title);
    page_.y += 10;
    draw_frames(page_, shown.profile, shown.tree, paint, {id, "samples", {}});
    if (id == "after") {
      draw_status_place(page_);
    }
  }

  // The outermost frames that were there before and are not any more, as wide as they were.
  void draw_gone_lane() {
    const auto pairs = flamegraph::counterparts({before_, tree_before_}, {after_, tree_after_});
    std::vector<NodeId> gone;
    for (uint32_t i = 1; i < pairs.size(); ++i) {
      const flamegraph::Node& node = tree_before_.nodes[NodeId{i}];
      if (pairs[i].valid() || !pairs[node.parent.value].valid()) continue;
      const Change change = change_of({node.samples, samples_before()}, {0, samples_after()});
      if (change.trend == Trend::kGone) gone.push_back(NodeId{i});
    }
    if (gone.empty()) return;
    std::ranges::sort(gone, [&](NodeId a, NodeId b) {
      return tree_before_.nodes[a].samples > tree_before_.nodes[b].samples;
    });
    page_.y += 8;
    page_.line(page_.left, page_.y, page_.width, style::kBold, "Gone since before");
    page_.y += 10;
    double x = page_.left;
    for (const NodeId id : gone) {
      const Portion was{tree_before_.nodes[id].samples, samples_before()};
      const double width = was.share() * page_.width;
      const std::string name{name_of(before_, tree_before_, id)};
      page_.xml.open("rect").attr("fill", "#5c97da").number("x", x).number("y", page_.y);
      page_.xml.number("width", std::max(width - 0.7, 0.3)).number("height", 17);
      page_.xml.leaf("title", name + " · before " + format_percent(was.share())).close();
      page_.frame_label(x + 4, page_.y + 13, width - 8, name);
      x += width;
    }
    page_.y += 24;
  }

  void draw_table() {
    std::vector<FunctionChange> rows = function_changes();
    if (rows.empty()) return;
    page_.heading("Functions that changed", "shares of CPU samples");
    page_.y += 18;
    const auto cell = [&](double at, std::string_view text, TextStyle look, Anchor anchor) {
      page_.line(
          page_.left + at, page_.y, anchor == Anchor::kStart ? 470 : 110, look, text, anchor);
    };
    constexpr std::array<std::pair<double, std::string_view>, 6> kHeads{{{620, "self before"},
                                                                         {720, "after"},
                                                                         {810, "change"},
                                                                         {930, "total before"},
                                                                         {1020, "after"},
                                                                         {1110, "change"}}};
    cell(20, "function", style::kLabel, Anchor::kStart);
    for (const auto& [at, head] : kHeads)
      cell(at, head, style::kLabel, Anchor::kEnd);
    page_.y += 6;
    for (const FunctionChange& row : rows) {
      page_.box(page_.left, page_.y, page_.width, 0.5, kLine);
      page_.swatch(page_.left, page_.y + 6, 11, fill_of(row.area));
      page_.y += 16;
      cell(20, row.name, style::kMono, Anchor::kStart);
      const auto numbers = [&](double at, const Change& change) {
        cell(at, format_percent(change.before.share()), style::kBody, Anchor::kEnd);
        cell(at + 100, format_percent(change.after.share()), style::kBody, Anchor::kEnd);
        cell(at + 190,
             change.trend == Trend::kSame
                 ? std::string("noise")
                 : fmt::format(
                       "{}{:.1f}", change.delta() > 0 ? "+" : "−", std::abs(change.delta()) * 100),
             change.trend == Trend::kSame ? style::kBodyMuted : style::kBold,
             Anchor::kEnd);
      };
      numbers(620, row.self);
      numbers(920, row.total);
      page_.y += 6;
    }
  }

  std::vector<FunctionChange> function_changes() const {
    const Counts before = count_functions(before_, tree_before_);
    const Counts after = count_functions(after_, tree_after_);
    std::vector<FunctionChange> rows;
    const auto add = [&](std::string_view name, const FunctionCounts& a, const FunctionCounts& b) {
      FunctionChange row{name, b.total > 0 ? b.area : a.area, {}, {}};
      row.self = change_of({a.self, samples_before()}, {b.self, samples_after()});
      row.total = change_of({a.total, samples_before()}, {b.total, samples_after()});
      if (row.self.trend != Trend::kSame || row.total.trend != Trend::kSame) rows.push_back(row);
    };
    for (const auto& [name, counts] : before) {
      const auto found = after.find(name);
      add(name, counts, found == after.end() ? FunctionCounts{} : found->second);
    }
    for (const auto& [name, counts] : after) {
      if (!before.contains(name)) add(name, {}, counts);
    }
    std::ranges::sort(rows, [](const FunctionChange& a, const FunctionChange& b) {
      const double x = std::max(std::abs(a.self.delta()), std::abs(a.total.delta()) / 4);
      const double y = std::max(std::abs(b.self.delta()), std::abs(b.total.delta()) / 4);
      return x != y ? x > y : a.name < b.name;
    });
    if (rows.size() > kMostRows) rows.resize(kMostRows);
    return rows;
  }

  static constexpr size_t kMostRows = 25;

  const Profile& before_;
  const Profile& after_;
  FrameTree tree_before_;
  FrameTree tree_after_;
  const DiffText& text_;
  Page page_;
  std::vector<flamegraph::ColourClass> classes_{{"grew-3", "more", "#ec7046"},
                                                {"grew-2", "more", "#f6a37e"},
                                                {"grew-1", "more", "#fbcdb5"},
                                                {"same", "within noise", "#d9dce0"},
                                                {"shrank-1", "less", "#c3dbf5"},
                                                {"shrank-2", "less", "#90bbea"},
                                                {"shrank-3", "less", "#5c97da"},
                                                {"merged", "Narrow frames", "#c4c9cf"}};
};

}  // namespace

std::string to_diff_svg(const Profile& before,
                        const Profile& after,
                        const DiffText& text,
                        const Options& options) {
  return DiffPage(before, after, text, options.width).draw();
}

}  // namespace pgflame::report
