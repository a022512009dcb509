// How wide a text will be, without a font at hand.
//
// The reader's font is not known, so widths are those of the widest of the usual ones (DejaVu Sans,
// which Verdana equals): a text that fits here fits everywhere, and is a little shorter than its
// place with Arial or Segoe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgflame::flamegraph {

enum class Face { kSans, kBold, kMono };

struct Font {
  double size = 12;  // pixels
  Face face = Face::kSans;
};

double text_width(std::string_view text, Font font);

// The text, cut from the right and ended with "…" when it is wider than `width`; empty when not
// even two characters fit. Line breaks become blanks.
std::string fit(std::string_view text, double width, Font font);

// Lines no wider than `width`, broken at blanks, inside a word only when it alone is too wide. Line
// breaks in the text stay. Beyond `max_lines` the last line ends with "…".
std::vector<std::string> wrap(std::string_view text, double width, Font font, size_t max_lines);

}  // namespace pgflame::flamegraph
