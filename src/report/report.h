// The three written forms of a diagnosed profile. Pure: text out, nothing is printed or opened.
#pragma once

#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/diagnose/diagnosis.h"
#include "src/diagnose/rule_book.h"
#include "src/profile/profile.h"

namespace pgflame::report {

struct Options {
  double width = 1200;        // pixels
  bool embed_profile = true;  // the SVG carries the compressed profile and can be opened again
  const diagnose::RuleBook* rules = nullptr;  // name the activities; null: the built-in book
};

// A self-contained SVG document, see the design of the page in svg_page.h.
std::string to_svg(const Profile& profile,
                   const diagnose::Diagnosis& diagnosis,
                   const Options& options = {});
// Two profiles compared: what the comparison said, drawn with both graphs.
struct DiffText {
  std::string verdict;
  std::vector<std::string> sentences;  // one per significant change, largest first
};
std::string to_diff_svg(const Profile& before,
                        const Profile& after,
                        const DiffText& text,
                        const Options& options = {});
std::string to_markdown(const Profile& profile, const diagnose::Diagnosis& diagnosis);
std::string to_json(const Profile& profile, const diagnose::Diagnosis& diagnosis);

// What is printed on a terminal after a recording: verdict, headlines, accounting line.
std::string to_terminal(const Profile& profile, const diagnose::Diagnosis& diagnosis);

}  // namespace pgflame::report
