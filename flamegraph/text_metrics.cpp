#include "flamegraph/text_metrics.h"

#include <algorithm>
#include <array>

#include "src/base/text.h"
#include "src/base/utf8.h"

namespace pgflame::flamegraph {
namespace {

// Advance widths of U+0020 to U+007E in thousandths of an em, measured on DejaVu Sans 2.37.
constexpr std::array<unsigned short, 95> kSans{
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838};
constexpr std::array<unsigned short, 95> kBold{
    348,  456, 521, 838, 696, 1002, 872, 306,  457, 457, 523, 838, 380, 415,  380, 365,
    696,  696, 696, 696, 696, 696,  696, 696,  696, 696, 400, 400, 838, 838,  838, 580,
    1000, 774, 762, 734, 830, 683,  683, 821,  837, 372, 372, 775, 637, 995,  837, 850,
    733,  850, 770, 720, 682, 812,  774, 1103, 771, 724, 725, 457, 365, 457,  838, 500,
    500,  675, 716, 593, 716, 678,  435, 716,  712, 343, 343, 665, 343, 1042, 712, 687,
    716,  716, 493, 595, 478, 712,  652, 924,  645, 652, 582, 712, 365, 712,  838};

// The widest of the usual fixed-width fonts (SF Mono).
constexpr double kMono = 0.62;

struct Range {
  char32_t first = 0;
  char32_t last = 0;
};

// The blocks of marks and zero-width characters that occur in names and queries in practice.
constexpr std::array<Range, 12> kCombining{{{0x0300, 0x036f},
                                            {0x0483, 0x0489},
                                            {0x0591, 0x05bd},
                                            {0x064b, 0x065f},
                                            {0x0e34, 0x0e3a},
                                            {0x1ab0, 0x1aff},
                                            {0x1dc0, 0x1dff},
                                            {0x200b, 0x200d},
                                            {0x20d0, 0x20ff},
                                            {0xfe00, 0xfe0f},
                                            {0xfe20, 0xfe2f},
                                            {0xe0100, 0xe01ef}}};

// Whether the character adds to the one before it and takes no room of its own.
bool is_combining(char32_t code_point) {
  return std::ranges::any_of(kCombining, [&](Range range) {
    return code_point >= range.first && code_point <= range.last;
  });
}

bool is_wide(char32_t c) {
  return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
         (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
         (c >= 0xfe30 && c <= 0xfe4f) || (c >= 0xff00 && c <= 0xff60);
}

// Widths outside ASCII by block, generous.
double other_width(char32_t c) {
  if (is_combining(c)) return 0;
  if (is_wide(c)) return 1.0;
  if (c == 0x00b7 || c == 0x00a0 || c == 0x202f || c == 0x2009) return 0.36;
  if (c >= 0x1f000) return 1.3;  // emoji
  if (c < 0x2000) return c < 0x100 ? 0.85 : 0.95;
  return 1.0;
}

double char_width(char32_t c, Face face) {
  if (face == Face::kMono) return is_combining(c) ? 0 : is_wide(c) || c >= 0x1f000 ? 1.3 : kMono;
  if (c >= 0x20 && c < 0x7f) {
    return (face == Face::kBold ? kBold : kSans)[c - 0x20] / 1000.0;
  }
  return other_width(c) * (face == Face::kBold ? 1.1 : 1.0);
}

// Takes characters off the front of `text` while they fit; returns them.
std::string_view take_fitting(std::string_view& text, double width, Font font) {
  const std::string_view whole = text;
  double used = 0;
  while (!text.empty()) {
    std::string_view rest = text;
    used += char_width(take_code_point(rest), font.face) * font.size;
    if (used > width) break;
    text = rest;
  }
  return whole.substr(0, whole.size() - text.size());
}

class Wrapper {
 public:
  Wrapper(double width, Font font, size_t max_lines)
      : width_(width), font_(font), max_lines_(max_lines) {}

  void paragraph(std::string_view text) {
    start_line();
    // Indentation of code survives, other runs of blanks do not.
    const size_t indent = std::min(text.find_first_not_of(' '), text.size());
    if (!full_) lines_.back() = std::string(std::min<size_t>(indent, 16), ' ');
    for (const std::string_view word : split(text, ' ')) {
      if (!word.empty()) add(word);
    }
  }

  std::vector<std::string> take() && { return std::move(lines_); }

 private:
  void start_line() {
    if (full_) return;
    if (lines_.size() == max_lines_) {
      lines_.back() = fit(lines_.back() + " …", width_, font_);
      if (!lines_.back().ends_with("…")) lines_.back() += "…";
      full_ = true;
      return;
    }
    lines_.emplace_back();
  }

  bool is_blank() const { return lines_.back().find_first_not_of(' ') == std::string::npos; }

  void add(std::string_view word) {
    if (full_) return;
    const std::string joined = lines_.back() + (is_blank() ? "" : " ") + std::string(word);
    if (text_width(joined, font_) <= width_) {
      lines_.back() = joined;
      return;
    }
    if (!is_blank()) start_line();
    while (!full_ && text_width(word, font_) > width_) {
      std::string_view head = take_fitting(word, width_, font_);
      if (head.empty()) break;
      lines_.back() = std::string(head);
      start_line();
    }
    if (!full_) lines_.back() += word;
  }

  double width_;
  Font font_;
  size_t max_lines_;
  bool full_ = false;
  std::vector<std::string> lines_;
};

}  // namespace

double text_width(std::string_view text, Font font) {
  double width = 0;
  while (!text.empty())
    width += char_width(take_code_point(text), font.face);
  return width * font.size;
}

std::string fit(std::string_view text, double width, Font font) {
  std::string line{text.substr(0, 4096)};
  for (char& c : line) {
    if (c == '\n' || c == '\t' || c == '\r') c = ' ';
  }
  if (line.size() == text.size() && text_width(line, font) <= width) return line;
  std::string_view rest = line;
  const double ellipsis = char_width(0x2026, font.face) * font.size;
  std::string_view head = take_fitting(rest, width - ellipsis, font);
  std::string_view second = head;
  if (head.empty()) return {};
  take_code_point(second);
  if (second.empty()) return {};
  while (head.ends_with(' '))
    head.remove_suffix(1);
  return std::string(head) + "…";
}

std::vector<std::string> wrap(std::string_view text, double width, Font font, size_t max_lines) {
  Wrapper wrapper(width, font, max_lines);
  for (const std::string_view paragraph : split(text, '\n'))
    wrapper.paragraph(paragraph);
  return std::move(wrapper).take();
}

}  // namespace pgflame::flamegraph
