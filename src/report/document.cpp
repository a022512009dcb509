#include "src/report/document.h"

#include <map>

#include <fmt/format.h>

#include "flamegraph/assets.h"
#include "src/base/hash_index.h"
#include "src/profile/pprof.h"
#include "src/report/base64.h"
#include "src/report/describe.h"

namespace pgflame::report {
namespace {

constexpr std::string_view kSansFamily =
    "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif";

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

// One letter per function of the profile: the row of its colour class.
std::string function_letters(const Profile& profile) {
  std::string letters;
  for (uint32_t i = 0; i < profile.functions.size(); ++i) {
    letters += static_cast<char>('A' + class_of_area(postgres::area_of(profile, FunctionId{i})));
  }
  return letters;
}

void write_script_facts(flamegraph::XmlWriter& xml, const DocumentFacts& facts) {
  std::string classes;
  for (const flamegraph::ColourClass& colour : facts.classes)
    classes += fmt::format("{}={}={};", colour.id, colour.fill, colour.title);
  const bool has_profile = facts.profile != nullptr;
  xml.open("metadata").attr("class", "colours").attr("data-classes", classes);
  xml.attr("data-waits", has_profile ? wait_names(*facts.profile) : "");
  xml.attr("data-functions", has_profile ? function_letters(*facts.profile) : "").close();
  if (!has_profile || !facts.embed_profile) return;
  xml.open("metadata").attr("id", "pgflame-profile").attr("data-format", "pprof-gzip-base64");
  xml.text(base64(write_pprof(*facts.profile))).close();
}

}  // namespace

uint64_t identity_of(const Profile& profile, uint64_t seed) {
  uint64_t hash = hash_mix(seed, static_cast<uint64_t>(profile.recording.start_unix_ns));
  hash = hash_bytes(profile.recording.host, hash);
  for (const Function& function : profile.functions)
    hash = hash_bytes(function.name, hash);
  for (const Sample& sample : profile.samples) {
    hash = hash_mix(hash, uint64_t{sample.stack.value} << 32U | sample.second);
    hash = hash_mix(hash, sample.weight);
  }
  return hash;
}

std::string finish_document(Page& page, const DocumentFacts& facts) {
  page.close_all_below();
  const double width = page.width + 2 * page.left;
  const double height = page.y + kMargin;
  const std::string id = fmt::format("pgflame-{:08x}", facts.identity & 0xffffffffU);
  flamegraph::XmlWriter xml;
  xml.open("svg").attr("xmlns", "http://www.w3.org/2000/svg").attr("id", id);
  xml.attr("class", "pgflame").number("width", width).number("height", height);
  xml.attr(
      "viewBox",
      fmt::format("0 0 {} {}", flamegraph::short_number(width), flamegraph::short_number(height)));
  xml.attr("font-family", kSansFamily).attr("role", "group").attr("aria-label", facts.title);
  xml.leaf("title", facts.title);
  xml.open("style").code(flamegraph::style_sheet(id)).close();
  xml.open("rect").attr("class", "paper").attr("fill", kPaper.fill);
  xml.attr("width", "100%").attr("height", "100%").close();
  xml.append(page.xml);
  write_script_facts(xml, facts);
  xml.open("script").code(flamegraph::script(id)).close().close();
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + std::move(xml).take() + '\n';
}

}  // namespace pgflame::report
