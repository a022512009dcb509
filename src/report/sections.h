// The parts of the page from top to bottom; each draws at the page's cursor and moves it down.
// A part that has nothing to say draws nothing.
#pragma once

#include <future>
#include <span>

#include "flamegraph/draw.h"
#include "src/diagnose/diagnosis.h"
#include "src/profile/profile.h"
#include "src/profile/series.h"
#include "src/report/page.h"
#include "src/report/report.h"

namespace pgflame::report {

// What one report is about: the inputs of every part.
struct Subject {
  const Profile& profile;
  const diagnose::Diagnosis& diagnosis;
  std::span<const Series> series;         // of the profile
  std::shared_future<Profile> plan_view;  // may still be made

  const Profile& plan() const { return plan_view.get(); }
};

void draw_header(Page& page, const Subject& subject);    // what, when, how; grade; verdict
void draw_time(Page& page, const Subject& subject);      // where the time went; host
void draw_timeline(Page& page, const Subject& subject);  // the recording second by second

// CPU, by plan node, waiting when captured. Waits for the trees.
void draw_graphs(Page& page, const Subject& subject, const Trees& trees);
void draw_findings(Page& page, const Subject& subject);
void draw_tables(Page& page, const Subject& subject);
void draw_database(Page& page, const Subject& subject);  // --dsn, or what to ask instead
// `reopening` says how to make this report again, or what is missing for that.
void draw_footer(Page& page, const Subject& subject, std::string_view reopening);

// Parts that other pages have too.
void draw_verdict_card(Page& page, std::string_view text);

struct Frames {
  std::string_view id;                    // of the graph, for the script
  std::string unit;                       // "samples"
  std::vector<diagnose::Finding> pinned;  // numbered from 1, each gets a callout
  std::string_view title;                 // heading and how to read it, for the script
  std::string_view hint;
};
// The frames of a tree at the cursor; what is drawn later is moved by the script when they grow.
void draw_frames(Page& page,
                 const Profile& profile,
                 const flamegraph::FrameTree& tree,
                 const flamegraph::Paint& paint,
                 const Frames& frames);

// Where the script says what the keyboard has reached; below the main graph.
void draw_status_place(Page& page);

}  // namespace pgflame::report
