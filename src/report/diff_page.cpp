// The page that sets two profiles side by side: what changed, in words and in two graphs with the
// same order of frames.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

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

struct FunctionChange {
  std::string_view name;
  postgres::Area area = postgres::Area::kOther;
  Change self;
  Change total;
};

// The functions whose own share or share with callees changed, largest first.
std::vector<FunctionChange> function_changes(const diagnose::Difference& difference, size_t most) {
  std::map<std::string_view, FunctionChange> by_name;
  for (const diagnose::Delta& delta : difference.deltas) {
    if (delta.kind == diagnose::DeltaKind::kActivity) continue;
    FunctionChange& row = by_name[delta.title];
    row.name = delta.title;
    row.area = postgres::area_by_id(delta.area).value_or(postgres::Area::kOther);
    (delta.kind == diagnose::DeltaKind::kSelf ? row.self : row.total) = change_of(delta);
  }
  std::vector<FunctionChange> rows;
  for (const auto& [name, row] : by_name) {
    if (row.self.trend != Trend::kSame || row.total.trend != Trend::kSame) rows.push_back(row);
  }
  // Callers move with what they call: what changed by itself comes first.
  const auto size = [](const FunctionChange& row) {
    return std::max(std::abs(row.self.points()), std::abs(row.total.points()) / 4);
  };
  std::ranges::stable_sort(rows, [&](const auto& a, const auto& b) { return size(a) > size(b); });
  if (rows.size() > most) rows.resize(most);
  return rows;
}

class DiffPage {
 public:
  DiffPage(const Profile& before,
           const Profile& after,
           const diagnose::Difference& difference,
           double width)
      : before_(before),
        after_(after),
        tree_before_(cpu_tree(before)),
        tree_after_(cpu_tree(after)),
        difference_(difference),
        changes_(difference.carries_claims()
                     ? compare_frames({before_, tree_before_}, {after_, tree_after_})
                     : untested_frames({before_, tree_before_}, {after_, tree_after_})),
        page_(width, kMargin) {
    if (!difference.carries_claims()) classes_[class_row("#e4e4e1")].title = "not tested";
  }

  std::string draw() && {
    page_.y = kMargin - 6;
    draw_head();
    draw_sentences();
    draw_key();
    draw_side({after_, tree_after_}, changes_.after, "after", "After");
    draw_gone_lane();
    draw_side({before_, tree_before_}, changes_.before, "before", "Before");
    draw_table();
    page_.y += 20;
    page_.paragraph(
        page_.left,
        page_.width,
        style::kSmall,
        !difference_.carries_claims()
            ? "Nothing is tested and no frame is coloured: see the grades above."
            : "Grey is within noise: of all that is called changed, at most one in twenty is "
              "so by chance (two-proportion tests, Benjamini and Hochberg). Shares below "
              "0.2 % on both sides are not tested.");
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
                 fmt::format("{} · {} · {}",
                             period_of(profile),
                             counted(samples, diagnose::measure_of(profile.recording.event).sample),
                             method_of(profile)));
    };
    side("Before", before_, samples_before());
    side("After", after_, samples_after());
    page_.y += 20;
    std::string text;
    for (const std::string& caveat : difference_.caveats)
      text += caveat + ' ';
    draw_verdict_card(page_, text + difference_.verdict);
  }

  void draw_sentences() {
    const std::vector<std::string>& sentences = difference_.sentences;
    if (sentences.empty()) return;
    page_.heading("Changes", "largest first");
    for (size_t i = 0; i < std::min(sentences.size(), kMostSentences); ++i) {
      page_.y += 4;
      page_.box(page_.left + 2, page_.y + 8, 6, 6, kAccent, 3);
      page_.paragraph(page_.left + 20, page_.width - 20, style::kBody, sentences[i], 6);
    }
    if (sentences.size() <= kMostSentences) return;
    page_.y += 4;
    page_.paragraph(page_.left + 20,
                    page_.width - 20,
                    style::kBodyMuted,
                    fmt::format("and {} smaller ones", sentences.size() - kMostSentences));
  }

  void draw_key() {
    page_.heading(difference_.measure.title,
                  "width is the share of " + difference_.measure.whole +
                      (difference_.carries_claims() ? ", colour its change" : ""));
    if (difference_.carries_claims()) draw_colours();
    page_.y += 12;
    page_.xml.open("g").attr("class", "bar-place").number("data-x", page_.left);
    page_.xml.number("data-y", page_.y + 10).number("data-width", page_.width).close();
    page_.y += 40;
  }

  void draw_colours() {
    struct Item {
      std::string_view fill;
      std::string_view text;
    };
    constexpr std::array<Item, 7> kItems{{{"#ec7046", "more by 5 points and up"},
                                          {"#f6a37e", "more by 1.5"},
                                          {"#fcc9ad", "more"},
                                          {"#e4e4e1", "within noise"},
                                          {"#b3d3f8", "less"},
                                          {"#82b4ee", "less by 1.5"},
                                          {"#4f92de", "less by 5 points and up"}}};
    double x = page_.left;
    page_.y += 6;
    for (const Item& item : kItems) {
      page_.swatch(x, page_.y, 11, item.fill);
      page_.line(x + 17, page_.y + 10, 250, style::kSmall, item.text);
      x += flamegraph::text_width(item.text, style::kSmall.font) + 40;
    }
  }

  // Row of classes_ for a fill.
  size_t class_row(std::string_view fill) {
    const auto found = std::ranges::find(classes_, fill, &flamegraph::ColourClass::fill);
    return static_cast<size_t>(found - classes_.begin());
  }

  void draw_side(const flamegraph::Side& shown,
                 const std::vector<Change>& changes,
                 std::string_view id,
                 std::string_view title) {
    flamegraph::Paint paint;
    paint.classes = classes_;
    paint.merged_class = classes_.size() - 1;
    paint.class_of = [&](NodeId node) { return class_row(fill_of(changes[node.value])); };
    paint.detail = [&](NodeId node) { return describe(changes[node.value]); };
    page_.y += id == "after" ? 14 : 26;
    page_.line(page_.left, page_.y, 300, style::kBold, title);
    page_.y += 10;
    draw_frames(page_, shown.profile, shown.tree, paint, {id, "samples", {}, {}, {}});
    if (id == "after") {
      draw_status_place(page_);
    }
  }

  // The outermost frames that were there before and are not any more, as wide as they were.
  void draw_gone_lane() {
    std::vector<NodeId> gone;
    for (uint32_t i = 1; i < changes_.before.size(); ++i) {
      const NodeId caller = tree_before_.nodes[NodeId{i}].parent;
      if (changes_.before[i].trend != Trend::kGone) continue;
      if (caller == kRoot || changes_.before[caller.value].after > 0) gone.push_back(NodeId{i});
    }
    if (gone.empty()) return;
    std::ranges::sort(gone, [&](NodeId a, NodeId b) {
      return tree_before_.nodes[a].samples > tree_before_.nodes[b].samples;
    });
    page_.y += 8;
    page_.line(page_.left, page_.y, page_.width, style::kBold, "Gone since before");
    page_.y += 10;
    double x = page_.left;
    for (const NodeId id : gone)
      draw_gone(x, changes_.before[id.value].before, name_of(before_, tree_before_, id));
    page_.y += 24;
  }

  // A bar as wide as its share was, the name on it or, when it is too narrow, behind it.
  void draw_gone(double& x, double share, std::string_view name) {
    const std::string label = fmt::format("{} {}", name, format_percent(share));
    const double bar = std::max(share * page_.width, 2.0);
    const double text = flamegraph::text_width(label, style::kSmall.font);
    const bool inside = text + 10 < bar;
    const double width = inside ? bar : std::min(bar + text + 24, page_.width);
    if (x > page_.left && x + width > page_.right()) {
      x = page_.left;
      page_.y += 20;
    }
    page_.xml.open("rect").attr("fill", "#4f92de").number("x", x).number("y", page_.y);
    page_.xml.number("width", std::max(bar - 0.7, 0.3)).number("height", 17);
    page_.xml.leaf("title", label).close();
    if (inside) {
      page_.frame_label(x + 4, page_.y + 13, bar - 8, label);
    } else {
      page_.line(x + bar + 5, page_.y + 13, width - bar - 5, style::kSmall, label);
    }
    x += width;
  }

  void draw_table() {
    const std::vector<FunctionChange> rows = function_changes(difference_, kMostRows);
    if (rows.empty()) return;
    page_.heading("Functions that changed", "shares of " + difference_.measure.sample + "s");
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
        cell(at, format_percent(change.before), style::kBody, Anchor::kEnd);
        cell(at + 100, format_percent(change.after), style::kBody, Anchor::kEnd);
        cell(at + 190,
             change.trend == Trend::kSame
                 ? std::string("noise")
                 : fmt::format(
                       "{}{:.1f}", change.points() > 0 ? "+" : "−", std::abs(change.points())),
             change.trend == Trend::kSame ? style::kBodyMuted : style::kBold,
             Anchor::kEnd);
      };
      numbers(620, row.self);
      numbers(920, row.total);
      page_.y += 6;
    }
  }

  static constexpr size_t kMostRows = 25;
  static constexpr size_t kMostSentences = 10;

  const Profile& before_;
  const Profile& after_;
  FrameTree tree_before_;
  FrameTree tree_after_;
  const diagnose::Difference& difference_;
  FrameChanges changes_;
  Page page_;
  std::vector<flamegraph::ColourClass> classes_{{"grew-3", "more", "#ec7046"},
                                                {"grew-2", "more", "#f6a37e"},
                                                {"grew-1", "more", "#fcc9ad"},
                                                {"same", "within noise", "#e4e4e1"},
                                                {"shrank-1", "less", "#b3d3f8"},
                                                {"shrank-2", "less", "#82b4ee"},
                                                {"shrank-3", "less", "#4f92de"},
                                                {"merged", "Narrow frames", "#c4c4be"}};
};

}  // namespace

std::string to_diff_svg(const Profile& before,
                        const Profile& after,
                        const diagnose::Difference& difference,
                        const Options& options) {
  return DiffPage(before, after, difference, options.width).draw();
}

}  // namespace pgflame::report
