#include <algorithm>
#include <functional>
#include <future>

#include <fmt/format.h>

#include "src/base/hash_index.h"
#include "src/diagnose/plan_view.h"
#include "src/profile/gzip.h"
#include "src/profile/pprof.h"
#include "src/report/base64.h"
#include "src/report/describe.h"
#include "src/report/document.h"
#include "src/report/paint.h"
#include "src/report/report.h"
#include "src/report/sections.h"
#include "src/report/view_data.h"

namespace pgflame::report {
namespace {

std::string data_of(const Subject& subject, const Trees& trees) {
  const Profile& profile = subject.profile;
  flamegraph::CollapseOptions options;
  options.series = subject.series;
  options.base = cluster_frames(profile);
  options.select = [](const Sample& sample) {
    return sample.state == State::kRunning || sample.state == State::kWaiting;
  };
  options.tip = [&profile](const Sample& sample) {
    return sample.state == State::kWaiting ? wait_name(profile, sample) : std::string();
  };
  const flamegraph::FrameTree tree = collapse(profile, options);
  const flamegraph::FrameTree& plan_tree = trees.plan.get();
  return view_data({profile, tree, stack_paint(profile, tree)},
                   {subject.plan(), plan_tree, plan_paint(subject.plan(), plan_tree)},
                   subject.series);
}

// Inside a report things are packed while somebody waits.
constexpr int kFast = 3;

// Style sheet, script and footer: what is added to the page besides what it carries.
constexpr size_t kFrameBytes = 60'000;

struct Pack {
  DocumentFacts::Carried carried;
  std::string note;  // for the footer: how to open it again, what was left out
};

// Bytes that `text` would take in the document, judged by a piece of it.
size_t estimated_bytes(std::string_view text) {
  constexpr size_t kPiece = size_t{128} << 10;
  if (text.size() <= kPiece) return 0;
  const std::string piece = gzip(text.substr(text.size() / 2, kPiece), kFast);
  const auto size = std::min(kPiece, text.size() / 2);
  return text.size() / size * piece.size() / 3 * 4;
}

// The views as they are carried; empty when they clearly won't fit beside the profile, because
// compressing numbers takes its time.
std::string packed_view(const Subject& subject,
                        const Trees& trees,
                        const Options& options,
                        const std::shared_future<std::string>& packed) {
  const size_t profile = packed.get().size();
  if (profile == 0 || profile + kFrameBytes >= options.most_bytes) return {};
  const std::string view = data_of(subject, trees);
  const size_t room = options.most_bytes - profile - kFrameBytes;
  if (estimated_bytes(view) / 5 * 4 >= room) return {};
  return base64(gzip(view, kFast, room / 4 * 3));
}

// What is being packed while the page is drawn.
struct Packing {
  std::shared_future<std::string> profile;
  std::future<std::string> view;
};

Packing start_packing(const Subject& subject, const Trees& trees, const Options& options) {
  if (!options.embed_profile) return {};
  const auto start = [](auto&&... call) { return std::async(std::launch::async, call...); };
  Packing packing;
  packing.profile = options.packed.valid()
                        ? options.packed
                        : start(packed, std::cref(subject.profile), options.most_bytes).share();
  packing.view =
      start(packed_view, std::cref(subject), std::cref(trees), std::cref(options), packing.profile);
  return packing;
}

// The profile first, then the views, as far as they fit beside `drawn` bytes.
Pack pack(const Options& options, Packing packing, size_t drawn) {
  Pack pack;
  if (!options.embed_profile) {
    pack.note = "The profile is not inside this file: to open it again, keep the capture.";
    return pack;
  }
  const size_t used = drawn + kFrameBytes;
  const size_t room = options.most_bytes > used ? options.most_bytes - used : 0;
  constexpr std::string_view kReason =
      "left out of this file, which would be larger than {:.0f} MB with it (--embed-all writes it)";
  const std::string reason =
      fmt::format(kReason, static_cast<double>(options.most_bytes) / 1'000'000);
  pack.carried.profile = packing.profile.get();
  if (pack.carried.profile.empty() || pack.carried.profile.size() > room) {
    pack.carried.profile.clear();
    pack.note = "The profile was " + reason + ": to open it again, keep the capture.";
    return pack;
  }
  pack.note = "The profile is inside: “pgflame report THIS.svg” makes this report again.";
  const size_t left = room - pack.carried.profile.size();
  pack.carried.view = packing.view.get();
  if (pack.carried.view.empty() || pack.carried.view.size() > left) {
    pack.carried.view.clear();
    pack.note += " What choosing a query or a range of time needs was " + reason + ".";
  }
  return pack;
}

}  // namespace

std::string packed(const Profile& profile, size_t most_bytes) {
  const size_t room = most_bytes > kFrameBytes ? most_bytes - kFrameBytes : 0;
  const size_t most = most_bytes == kAnySize ? kAnySize : room / 4 * 3;
  return base64(write_pprof(profile, PprofForm::kEmbedded, most));
}

std::string to_svg(const Profile& profile,
                   const diagnose::Diagnosis& diagnosis,
                   const Options& options) {
  const auto make_plan = [&profile] { return diagnose::plan_view(profile); };
  const std::vector<Series> own =
      options.series.empty() ? series_of(profile) : std::vector<Series>{};
  const Subject subject{
      profile,
      diagnosis,
      options.series.empty() ? own : options.series,
      options.plan.valid() ? options.plan : std::async(std::launch::async, make_plan).share()};
  std::future<uint64_t> identity = std::async(
      std::launch::async, [&] { return identity_of(profile, hash_bytes(diagnosis.verdict.text)); });
  const Trees trees = options.trees.running.valid()
                          ? options.trees
                          : start_trees(profile, subject.series, subject.plan_view);
  Packing packing = start_packing(subject, trees, options);
  Page page(options.width, kMargin);
  page.y = kMargin - 6;
  draw_header(page, subject);
  draw_time(page, subject);
  draw_timeline(page, subject);
  draw_graphs(page, subject, trees);
  draw_findings(page, subject);
  draw_tables(page, subject);
  draw_database(page, subject);
  Pack packed = pack(options, std::move(packing), page.xml.size());
  draw_footer(page, subject, packed.note);
  DocumentFacts facts;
  facts.title = "pgflame report: " + subject_of(profile);
  facts.identity = identity.get();
  facts.classes = colour_classes();
  facts.carried = std::move(packed.carried);
  return finish_document(page, facts);
}

}  // namespace pgflame::report
