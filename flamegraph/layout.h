// Where every frame of a flame graph goes. A pure function: tree in, boxes out.
//
// Siblings stand in the order of their names, so that two graphs can be compared by eye. Siblings
// too narrow to be seen are gathered at the end into one box that says how many they are; nothing
// is left out silently.
#pragma once

#include <cstdint>
#include <vector>

#include "flamegraph/frame_tree.h"

namespace pgflame::flamegraph {

struct Box {
  NodeId node;          // of a gathered box: the parent
  double x = 0;         // pixels from the graph's left edge
  double width = 0;     // pixels
  uint32_t depth = 0;   // 0 is the root
  uint32_t merged = 0;  // 0: one frame; else so many siblings share this box
  uint64_t total = 0;   // weight
  uint64_t samples = 0;
};

struct LayoutOptions {
  double width = 1120;       // pixels
  double min_width = 0.3;    // pixels; narrower frames are gathered
  uint32_t max_depth = 400;  // rows; what is deeper is gathered
};

// Callers precede their callees. Empty when nothing was sampled.
std::vector<Box> layout(const Profile& profile,
                        const FrameTree& tree,
                        const LayoutOptions& options);

// Number of rows.
uint32_t depth_of(const std::vector<Box>& boxes);

}  // namespace pgflame::flamegraph
