#include "flamegraph/draw.h"

#include <unordered_map>

#include <fmt/format.h>

#include "flamegraph/text_metrics.h"
#include "src/base/text.h"

namespace pgflame::flamegraph {
namespace {

constexpr double kPinRadius = 7.5;
constexpr double kLabelInset = 4;
constexpr double kPointable = 1;  // pixels; what is narrower tells its name and samples only

class Drawing {
 public:
  Drawing(XmlWriter& xml,
          const Profile& profile,
          const FrameTree& tree,
          const std::vector<Box>& boxes,
          const Paint& paint,
          const DrawOptions& options)
      : xml_(xml),
        profile_(profile),
        tree_(tree),
        boxes_(boxes),
        paint_(paint),
        options_(options),
        rows_(depth_of(boxes)) {
    for (const Pin& pin : options.pins)
      ++pins_on_[pin.box];
  }

  void frames() {
    std::vector<std::vector<size_t>> by_class(paint_.classes.size());
    for (size_t i = 0; i < boxes_.size(); ++i)
      by_class[class_of(boxes_[i])].push_back(i);
    xml_.open("g").attr("class", "frames");
    for (size_t c = 0; c < by_class.size(); ++c) {
      if (by_class[c].empty()) continue;
      xml_.open("g").attr("class", paint_.classes[c].id).attr("fill", paint_.classes[c].fill);
      for (const size_t i : by_class[c])
        frame(boxes_[i]);
      xml_.close();
    }
    xml_.close();
  }

  void labels() {
    xml_.open("g").attr("class", "labels").number("font-size", options_.font_size);
    xml_.attr("fill", "#16181b").attr("pointer-events", "none");
    for (size_t i = 0; i < boxes_.size(); ++i)
      label(i);
    xml_.close();
  }

  void pins() {
    xml_.open("g").attr("class", "pins").attr("pointer-events", "none");
    std::vector<size_t> seen(boxes_.size());
    for (const Pin& pin : options_.pins) {
      const Box& box = boxes_[pin.box];
      const double shift = static_cast<double>(seen[pin.box]++) * (2 * kPinRadius + 1);
      // Inside the frame at its left end, or centred on a frame that is too narrow for it.
      const double x = box.width >= 2 * kPinRadius + 2 ? box.x + kPinRadius + 2 + shift
                                                       : box.x + box.width / 2 + shift;
      draw_disc(xml_, x, top_of(box) + options_.row_height / 2 - 0.5, kPinRadius, pin.label);
    }
    xml_.close();
  }

 private:
  size_t class_of(const Box& box) const {
    return box.merged != 0 ? paint_.merged_class : paint_.class_of(box.node);
  }

  double top_of(const Box& box) const {
    return static_cast<double>(rows_ - 1 - box.depth) * options_.row_height;
  }

  // A hairline of background separates frames; very narrow ones go without.
  void frame(const Box& box) {
    const double gap = box.width > 4 ? 0.7 : 0;
    xml_.open("rect").number("x", box.x).number("y", top_of(box));
    xml_.number("width", box.width - gap).number("height", options_.row_height - 1);
    xml_.leaf("title", tooltip(box)).close();
  }

  std::string tooltip(const Box& box) const {
    const auto whole = static_cast<double>(tree_.nodes[kRoot].total);
    const double share = static_cast<double>(box.total) / whole;
    const std::string amount =
        fmt::format("{} {} · {}", format_count(box.samples), options_.unit, format_percent(share));
    if (box.merged != 0) {
      return fmt::format("{} narrow frames\n{}", format_count(box.merged), amount);
    }
    const std::string_view name = name_of(profile_, tree_, box.node);
    if (box.width < kPointable) {
      return fmt::format("{}\n{} {}", name, format_count(box.samples), options_.unit);
    }
    const double self = static_cast<double>(tree_.nodes[box.node].self) / whole;
    std::string text = fmt::format("{}\n{}", name, amount);
    if (self > 0) text += " · self " + format_percent(self);
    const std::string detail = paint_.detail ? paint_.detail(box.node) : std::string();
    return detail.empty() ? text : text + '\n' + detail;
  }

  void label(size_t i) {
    const Box& box = boxes_[i];
    const auto pinned = pins_on_.find(i);
    const double room_for_pins =
        pinned == pins_on_.end() ? 0 : static_cast<double>(pinned->second) * (2 * kPinRadius + 1);
    const double room = box.width - 2 * kLabelInset - room_for_pins;
    if (room < 14) return;
    const std::string name = box.merged != 0 ? fmt::format("{} more", box.merged)
                                             : std::string(name_of(profile_, tree_, box.node));
    const std::string text = fit(name, room, Font{options_.font_size, Face::kSans});
    if (text.empty()) return;
    xml_.open("text").number("x", box.x + kLabelInset + room_for_pins);
    xml_.number("y", top_of(box) + options_.row_height * 0.72).text(text).close();
  }

  XmlWriter& xml_;
  const Profile& profile_;
  const FrameTree& tree_;
  const std::vector<Box>& boxes_;
  const Paint& paint_;
  const DrawOptions& options_;
  uint32_t rows_;
  std::unordered_map<size_t, size_t> pins_on_;
};

}  // namespace

double height_of(const std::vector<Box>& boxes, const DrawOptions& options) {
  return depth_of(boxes) * options.row_height;
}

void draw(XmlWriter& xml,
          const Profile& profile,
          const FrameTree& tree,
          const std::vector<Box>& boxes,
          const Paint& paint,
          const DrawOptions& options) {
  Drawing drawing(xml, profile, tree, boxes, paint, options);
  drawing.frames();
  drawing.labels();
  drawing.pins();
}

void draw_disc(XmlWriter& xml, double x, double y, double radius, std::string_view label) {
  xml.open("g").attr("class", "disc");
  xml.open("circle").number("cx", x).number("cy", y).number("r", radius);
  xml.attr("fill", "#16181b").attr("stroke", "#fff").number("stroke-width", 1).close();
  const double size = label.size() > 1 ? radius * 1.15 : radius * 1.4;
  xml.open("text").number("x", x).number("y", y + size * 0.36).attr("text-anchor", "middle");
  xml.number("font-size", size).attr("font-weight", "700").attr("fill", "#fff");
  xml.text(label).close().close();
}

}  // namespace pgflame::flamegraph
