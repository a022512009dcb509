// The three written forms of a diagnosed profile. Pure: text out, nothing is printed or opened.
#pragma once

#include <future>
#include <span>
#include <string>

#include "flamegraph/frame_tree.h"
#include "src/base/error.h"
#include "src/diagnose/diagnosis.h"
#include "src/diagnose/difference.h"
#include "src/profile/profile.h"
#include "src/profile/series.h"

namespace pgflame::report {

// What the graphs show: samples on CPU, the same by plan node, waits.
struct Trees {
  std::shared_future<flamegraph::FrameTree> running;
  std::shared_future<flamegraph::FrameTree> plan;
  std::shared_future<flamegraph::FrameTree> waiting;
};

struct Options {
  double width = 1200;        // pixels
  bool embed_profile = true;  // the SVG carries the compressed profile and can be opened again
  // Bytes of the whole SVG; what it would carry beyond them is left out, and a note says so.
  size_t most_bytes = 2'000'000;
  // diagnose::plan_view of the profile when it was started before; made here, by the built-in
  // rules, otherwise.
  std::shared_future<Profile> plan;
  // series_of the profile when they are known; they are looked at during the call.
  std::span<const Series> series;
  // The result of start_trees() when they were started before; made here otherwise.
  Trees trees;
  // The result of packed() when it was started before; made here otherwise.
  std::shared_future<std::string> packed;
};

// The form in which an SVG carries the profile: base64 of gzip of pprof. It needs nothing but the
// profile, so that it can be made while the profile is diagnosed and drawn.
// Empty as soon as it is clear that an SVG of `most_bytes` has no room for it.
std::string packed(const Profile& profile, size_t most_bytes);

// Trees need nothing of the diagnosis either. Profile and series are looked at until they are made.
Trees start_trees(const Profile& profile,
                  std::span<const Series> series,
                  const std::shared_future<Profile>& plan);

// A self-contained SVG document, see the design of the page in svg_page.h.
std::string to_svg(const Profile& profile,
                   const diagnose::Diagnosis& diagnosis,
                   const Options& options = {});
// Two profiles compared: what diagnose::compare said, drawn with both graphs.
std::string to_diff_svg(const Profile& before,
                        const Profile& after,
                        const diagnose::Difference& difference,
                        const Options& options = {});
std::string to_markdown(const Profile& profile, const diagnose::Diagnosis& diagnosis);
std::string to_json(const Profile& profile, const diagnose::Diagnosis& diagnosis);

// What is printed on a terminal after a recording: verdict, headlines, accounting line.
std::string to_terminal(const Profile& profile, const diagnose::Diagnosis& diagnosis);

}  // namespace pgflame::report
