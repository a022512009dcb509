#include <map>

#include <fmt/format.h>

#include "flamegraph/assets.h"
#include "src/base/hash_index.h"
#include "src/profile/pprof.h"
#include "src/report/base64.h"
#include "src/report/describe.h"
#include "src/report/report.h"
#include "src/report/sections.h"

namespace pgflame::report {
namespace {

constexpr double kMargin = 40;
constexpr std::string_view kSansFamily =
    "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif";

// Differs between any two reports that could meet on one page, and is the same for the same report.
std::string root_id(const Subject& subject) {
  uint64_t hash = hash_bytes(subject.diagnosis.verdict.text);
  hash = hash_mix(hash, static_cast<uint64_t>(subject.profile.recording.start_unix_ns));
  hash = hash_bytes(subject.profile.recording.host, hash);
  for (const Function& function : subject.profile.functions)
    hash = hash_bytes(function.name, hash);
  for (const Sample& sample : subject.profile.samples) {
    hash = hash_mix(hash, uint64_t{sample.stack.value} << 32U | sample.second);
    hash = hash_mix(hash, sample.weight);
  }
  return fmt::format("pgflame-{:08x}", hash & 0xffffffffU);
}

// "16777224=LWLock:WALWrite;..." for the wait events that occur.
std::string wait_names(const Profile& profile) {
  std::map<uint32_t, std::string> names;
  for (const Sample& sample : profile.samples) {
    if (sample.state == State::kWaiting && sample.wait_event != kUnknownWait) {
      names.try_emplace(sample.wait_event, wait_name(profile, sample));
    }
  }
  std::string text;
  for (const auto& [event, name] : names)
    text += fmt::format("{}={};", event, name);
  return text;
}

// What the script needs to draw from the embedded profile: colours, and each function's colour.
void write_script_facts(flamegraph::XmlWriter& xml, const Profile& profile) {
  std::string classes;
  for (const flamegraph::ColourClass& colour : colour_classes())
    classes += fmt::format("{}={}={};", colour.id, colour.fill, colour.title);
  std::string functions;
  for (uint32_t i = 0; i < profile.functions.size(); ++i) {
    functions += static_cast<char>('A' + class_of_area(postgres::area_of(profile, FunctionId{i})));
  }
  xml.open("metadata").attr("class", "colours").attr("data-classes", classes);
  xml.attr("data-waits", wait_names(profile));
  xml.attr("data-functions", functions).close();
}

}  // namespace

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
  page.close_all_below();
  const double height = page.y + kMargin;

  const std::string id = root_id(subject);
  flamegraph::XmlWriter xml;
  xml.open("svg").attr("xmlns", "http://www.w3.org/2000/svg").attr("id", id);
  xml.attr("class", "pgflame").number("width", options.width).number("height", height);
  xml.attr(
      "viewBox",
      fmt::format(
          "0 0 {} {}", flamegraph::short_number(options.width), flamegraph::short_number(height)));
  xml.attr("font-family", kSansFamily).attr("role", "group");
  xml.attr("aria-label", "pgflame report: " + subject_of(profile));
  xml.leaf("title", "pgflame: " + subject_of(profile));
  xml.open("style").code(flamegraph::style_sheet(id)).close();
  xml.open("rect").attr("class", "paper").attr("fill", kPaper.fill);
  xml.attr("width", "100%").attr("height", "100%").close();
  xml.append(page.xml);
  write_script_facts(xml, profile);
  if (options.embed_profile) {
    xml.open("metadata").attr("id", "pgflame-profile").attr("data-format", "pprof-gzip-base64");
    xml.text(base64(write_pprof(profile))).close();
  }
  xml.open("script").code(flamegraph::script(id)).close().close();
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + std::move(xml).take() + '\n';
}

}  // namespace pgflame::report
