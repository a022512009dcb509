// The SVG document around a drawn page: identity, style sheet, what the script needs, the script.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flamegraph/draw.h"
#include "src/profile/profile.h"
#include "src/report/page.h"

namespace pgflame::report {

inline constexpr double kMargin = 40;

struct DocumentFacts {
  std::string title;
  std::string_view kind = "pgflame";  // class of the root element
  // Differs between any two reports that could meet on one page, same for the same report.
  uint64_t identity = 0;
  std::vector<flamegraph::ColourClass> classes;
  // What the document carries for later, as base64 of gzip; empty: the script only has the drawing.
  struct Carried {
    std::string view;     // see view_data.h
    std::string profile;  // pprof
  };
  Carried carried;
};

uint64_t identity_of(const Profile& profile, uint64_t seed);

// Ends the page and returns the whole document.
std::string finish_document(Page& page, const DocumentFacts& facts);

}  // namespace pgflame::report
