// The three written forms of a diagnosed profile. Pure: text out, nothing is printed or opened.
#pragma once

#include <string>

#include "src/base/error.h"
#include "src/diagnose/diagnosis.h"
#include "src/profile/profile.h"

namespace pgflame::report {

struct Options {
  double width = 1200;        // pixels
  bool embed_profile = true;  // the SVG carries the compressed profile and can be opened again
};

// A self-contained SVG document, see the design of the page in svg_page.h.
std::string to_svg(const Profile& profile,
                   const diagnose::Diagnosis& diagnosis,
                   const Options& options = {});
std::string to_markdown(const Profile& profile, const diagnose::Diagnosis& diagnosis);
std::string to_json(const Profile& profile, const diagnose::Diagnosis& diagnosis);

// What is printed on a terminal after a recording: verdict, headlines, accounting line.
std::string to_terminal(const Profile& profile, const diagnose::Diagnosis& diagnosis);

}  // namespace pgflame::report
