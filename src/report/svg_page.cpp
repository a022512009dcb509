#include "src/base/hash_index.h"
#include "src/diagnose/plan_view.h"
#include "src/report/describe.h"
#include "src/report/document.h"
#include "src/report/paint.h"
#include "src/report/report.h"
#include "src/report/sections.h"
#include "src/report/view_data.h"

namespace pgflame::report {
namespace {

std::string data_of(const Subject& subject) {
  const Profile& profile = subject.profile;
  flamegraph::CollapseOptions options;
  options.select = [](const Sample& sample) {
    return sample.state == State::kRunning || sample.state == State::kWaiting;
  };
  options.tip = [&profile](const Sample& sample) {
    return sample.state == State::kWaiting ? wait_name(profile, sample) : std::string();
  };
  const flamegraph::FrameTree tree = collapse(profile, options);
  const flamegraph::FrameTree plan_tree = flamegraph::collapse(subject.plan);
  return view_data({profile, tree, stack_paint(profile, tree)},
                   {subject.plan, plan_tree, plan_paint(subject.plan, plan_tree)});
}

}  // namespace

std::string to_svg(const Profile& profile,
                   const diagnose::Diagnosis& diagnosis,
                   const Options& options) {
  const diagnose::RuleBook& rules =
      options.rules != nullptr ? *options.rules : diagnose::RuleBook::builtin();
  const Subject subject{profile, diagnosis, diagnose::plan_view(profile, rules)};
  Page page(options.width, kMargin);
  page.y = kMargin - 6;
  draw_header(page, subject);
  draw_time(page, subject);
  draw_timeline(page, subject);
  draw_graphs(page, subject);
  draw_findings(page, subject);
  draw_tables(page, subject);
  draw_database(page, subject);
  draw_footer(page, subject);
  DocumentFacts facts;
  facts.title = "pgflame report: " + subject_of(profile);
  facts.identity = identity_of(profile, hash_bytes(diagnosis.verdict.text));
  facts.classes = colour_classes();
  if (options.embed_profile) facts.carried.emplace(profile, data_of(subject));
  return finish_document(page, facts);
}

}  // namespace pgflame::report
