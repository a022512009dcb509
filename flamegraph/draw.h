// Draws laid-out frames as SVG elements that need neither script nor style sheet.
//
//   <g class="graph" data-...>            for the script: geometry and totals
//     <g class="frames"><g class="tuple" fill="...">   one group per colour class
//       <rect ...><title>name, samples, share, self, detail</title></rect> ...
//     <g class="labels"> <text>name</text> ...
//     <g class="pins">   numbered callouts
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "flamegraph/layout.h"
#include "flamegraph/xml.h"

namespace pgflame::flamegraph {

// A colour and what it stands for. `id` is a CSS class name; the fill carries dark text.
struct ColourClass {
  std::string_view id;
  std::string_view title;
  std::string_view fill;
};

struct Paint {
  std::vector<ColourClass> classes;
  // Row of `classes` for a node of the tree.
  std::function<size_t(NodeId)> class_of;
  size_t merged_class = 0;  // row of `classes` for gathered boxes
  // What a person wants to know beyond the name ("postgres, name recovered"); may be empty.
  std::function<std::string(NodeId)> detail;
};

// A numbered callout on a box.
struct Pin {
  size_t box = 0;  // row of the layout
  std::string label;
};

struct DrawOptions {
  double row_height = 18;
  double font_size = 11.5;
  std::string unit = "samples";
  std::vector<Pin> pins;
};

// Height of the drawing, from its own origin at the top left; the root is at the bottom.
double height_of(const std::vector<Box>& boxes, const DrawOptions& options);

void draw(XmlWriter& xml,
          const Profile& profile,
          const FrameTree& tree,
          const std::vector<Box>& boxes,
          const Paint& paint,
          const DrawOptions& options);

// A disc with a number in it, centred: the callouts of graph and findings.
void draw_disc(XmlWriter& xml, double x, double y, double radius, std::string_view label);

}  // namespace pgflame::flamegraph
