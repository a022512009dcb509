#include "src/base/hash_index.h"
#include "src/report/describe.h"
#include "src/report/document.h"
#include "src/report/report.h"
#include "src/report/sections.h"

namespace pgflame::report {

std::string to_svg(const Profile& profile,
                   const diagnose::Diagnosis& diagnosis,
                   const Options& options) {
  const Subject subject{profile, diagnosis};
  Page page(options.width, kMargin);
  page.y = kMargin - 6;
  draw_header(page, subject);
  draw_time(page, subject);
  draw_timeline(page, subject);
  draw_graphs(page, subject);
  draw_findings(page, subject);
  draw_tables(page, subject);
  draw_footer(page, subject);
  DocumentFacts facts;
  facts.title = "pgflame report: " + subject_of(profile);
  facts.identity = identity_of(profile, hash_bytes(diagnosis.verdict.text));
  facts.classes = colour_classes();
  facts.profile = &profile;
  facts.embed_profile = options.embed_profile;
  return finish_document(page, facts);
}

}  // namespace pgflame::report
