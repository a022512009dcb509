#include "src/report/document.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "flamegraph/assets.h"
#include "src/base/hash_index.h"

namespace pgflame::report {
namespace {

constexpr std::string_view kSansFamily =
    "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif";

void write_script_facts(flamegraph::XmlWriter& xml,
                        const DocumentFacts& facts,
                        const std::string& id) {
  nlohmann::json classes = nlohmann::json::array();
  for (const flamegraph::ColourClass& colour : facts.classes)
    classes.push_back({colour.id, colour.fill, colour.title});
  xml.open("metadata").attr("class", "classes").text(classes.dump()).close();
  if (!facts.carried.view.empty()) {
    xml.open("metadata").attr("class", "view").attr("data-format", "json-gzip-base64");
    xml.text(facts.carried.view).close();
  }
  if (facts.carried.profile.empty()) return;
  xml.open("metadata").attr("class", "profile").attr("data-format", "pprof-gzip-base64");
  xml.attr("id", id + "-profile").text(facts.carried.profile).close();
}

}  // namespace

uint64_t identity_of(const Profile& profile, uint64_t seed) {
  uint64_t hash = hash_mix(seed, static_cast<uint64_t>(profile.recording.start_unix_ns));
  hash = hash_bytes(profile.recording.host, hash);
  for (const Function& function : profile.functions)
    hash = hash_bytes(function.name, hash);
  // A sum, of which no step waits for the one before.
  uint64_t samples = 0;
  for (const Sample& sample : profile.samples)
    samples +=
        hash_mix(hash_mix(0, uint64_t{sample.stack.value} << 32U | sample.second), sample.weight);
  return hash_mix(hash, samples);
}

std::string finish_document(Page& page, const DocumentFacts& facts) {
  page.close_all_below();
  const double width = page.width + 2 * page.left;
  const double height = page.y + kMargin;
  const std::string id = fmt::format("pgflame-{:08x}", facts.identity & 0xffffffffU);
  flamegraph::XmlWriter xml;
  xml.open("svg").attr("xmlns", "http://www.w3.org/2000/svg").attr("id", id);
  xml.attr("class", facts.kind).number("width", width).number("height", height);
  xml.attr(
      "viewBox",
      fmt::format("0 0 {} {}", flamegraph::short_number(width), flamegraph::short_number(height)));
  xml.attr("font-family", kSansFamily).attr("role", "group").attr("aria-label", facts.title);
  xml.leaf("title", facts.title);
  xml.open("style").code(flamegraph::style_sheet(id)).close();
  xml.open("rect").attr("class", "paper").attr("fill", kPaper.fill);
  xml.attr("width", "100%").attr("height", "100%").close();
  xml.append(page.xml);
  write_script_facts(xml, facts, id);
  xml.open("script").code(flamegraph::script(id)).close().close();
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + std::move(xml).take() + '\n';
}

}  // namespace pgflame::report
