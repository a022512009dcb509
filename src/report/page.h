// The sheet a report is drawn on: a cursor that moves down, and text that knows its width.
//
// Everything has its look as presentation attributes, so that it survives viewers that strip style
// sheets; classes only name the role for dark mode and print.
#pragma once

#include <string>
#include <string_view>

#include "flamegraph/text_metrics.h"
#include "flamegraph/xml.h"
#include "src/report/palette.h"

namespace pgflame::report {

struct TextStyle {
  flamegraph::Font font;
  Role role = kInk;
};

namespace style {
using flamegraph::Face;
inline constexpr TextStyle kTitle{{24, Face::kBold}, kInk};
inline constexpr TextStyle kVerdict{{17, Face::kSans}, kInk};
inline constexpr TextStyle kHeading{{16, Face::kBold}, kInk};
inline constexpr TextStyle kHeadline{{14.5, Face::kBold}, kInk};
inline constexpr TextStyle kBody{{13, Face::kSans}, kInk};
inline constexpr TextStyle kBodyMuted{{13, Face::kSans}, kMuted};
inline constexpr TextStyle kBold{{13, Face::kBold}, kInk};
inline constexpr TextStyle kLabel{{11.5, Face::kBold}, kMuted};
inline constexpr TextStyle kSmall{{11.5, Face::kSans}, kMuted};
inline constexpr TextStyle kMono{{12, Face::kMono}, kInk};
}  // namespace style

enum class Anchor { kStart, kMiddle, kEnd };

class Page {
 public:
  Page(double sheet_width, double margin) : left(margin), width(sheet_width - 2 * margin) {}

  flamegraph::XmlWriter xml;
  double y = 0;       // top of what comes next
  const double left;  // of the content
  const double width;
  double right() const { return left + width; }

  // One line on the baseline `baseline`, cut to `room`.
  void line(double x,
            double baseline,
            double room,
            TextStyle text_style,
            std::string_view text,
            Anchor anchor = Anchor::kStart);

  // Wrapped text from the cursor downwards; moves the cursor below it.
  void paragraph(double x,
                 double room,
                 TextStyle text_style,
                 std::string_view text,
                 size_t max_lines = 60);

  // A section heading with a rule above it; moves the cursor below it.
  void heading(std::string_view text, std::string_view aside = {});

  // Opens a group around all that follows: the script moves it when the graph above it grows. The
  // groups end with the page.
  void open_below(std::string_view graph_id);
  void close_all_below();

  // A name inside a coloured frame.
  void frame_label(double x, double baseline, double room, std::string_view text);

  void box(double x, double top, double w, double h, Role role, double radius = 0);
  void swatch(double x, double top, double size, std::string_view fill);

 private:
  void start_text(TextStyle text_style);

  int open_below_ = 0;
};

double line_height(TextStyle text_style);

}  // namespace pgflame::report
