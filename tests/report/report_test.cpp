#include "src/report/report.h"

#include <array>
#include <set>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "src/diagnose/check.h"
#include "src/diagnose/diagnose.h"
#include "src/diagnose/difference.h"
#include "src/profile/pprof.h"
#include "src/report/base64.h"
#include "src/report/palette.h"
#include "tests/support/profile_text.h"
#include "tests/support/sample_report.h"

using namespace pgflame;
using namespace pgflame::report;
using pgflame::testing::SampleReport;

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

size_t count_of(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

std::string without_profile(const SampleReport& sample) {
  Options options;
  options.embed_profile = false;
  return to_svg(sample.profile, sample.diagnosis, options);
}

// 2 s in which a scan took 100 page faults a sample.
Profile page_faults() {
  Profile profile = testing::profile_from_folded(R"(
    _start;main;ExecAgg;ExecSeqScan;ExecInterpExpr;tts_buffer_heap_getsomeattrs 600
    _start;main;ExecAgg;ExecSeqScan;heap_getnextslot 600
  )");
  for (Sample& sample : profile.samples)
    sample.weight = sample.count * 100;
  profile.recording.event = {"page-faults", WeightUnit::kOther, 4000, false};
  profile.recording.duration_ns = 2'000'000'000;
  profile.recording.cpus = 2;
  return profile;
}

}  // namespace

TEST_SUITE("report") {
  TEST_CASE("samples of an event that is no clock are never called CPU time") {
    const Profile profile = page_faults();
    const diagnose::Diagnosis diagnosis = diagnose::diagnose(profile);
    CHECK(diagnosis.verdict.kind == diagnose::VerdictClass::kEventsOnly);
    CHECK(diagnosis.verdict.text ==
          "Counts of page-faults, not time: 120 000 page-faults in 1 200 samples, 60 000 a second; "
          "their largest part (50 %) is tuple deforming. Where time went, on a CPU or waiting, "
          "cannot "
          "be told from them.");
    CHECK(diagnosis.findings.empty());
    CHECK(diagnosis.activities.front().share == doctest::Approx(0.5));
    Options options;
    options.embed_profile = false;
    const std::string json = to_json(profile, diagnosis);
    for (const std::string& text : {to_svg(profile, diagnosis, options),
                                    to_markdown(profile, diagnosis),
                                    json,
                                    to_terminal(profile, diagnosis)}) {
      CHECK(contains(text, "120 000 page-faults in 1 200 samples"));
      for (const char* claim : {"of CPU",
                                "On CPU",
                                "on-CPU",
                                "CPU time",
                                "CPUs busy",
                                "cores were busy",
                                "cores busy"}) {
        CAPTURE(claim);
        CHECK_FALSE(contains(text, claim));
      }
    }
    const auto parsed = nlohmann::json::parse(json);
    CHECK(parsed["verdict"]["class"] == "events-only");
    CHECK(parsed["recording"]["measures"] == "page-faults");
    const auto condition = diagnose::parse_condition("DEFORM>20%", diagnose::RuleBook::builtin());
    CHECK_FALSE(diagnose::check(*condition, diagnosis).told);
  }

  TEST_CASE("captures that count different events are compared without claims") {
    Profile time = page_faults();
    time.recording.event = {};
    const Profile faults = page_faults();
    const diagnose::Difference mixed = diagnose::compare(time, faults);
    CHECK_FALSE(mixed.carries_claims());
    CHECK(
        mixed.caveats.at(0) ==
        "BEFORE counts CPU time and AFTER page-faults: their shares are no changes of each other.");
    const diagnose::Difference same = diagnose::compare(faults, faults);
    CHECK(same.carries_claims());
    CHECK(contains(same.verdict, "The split of the page-faults did not change"));
    CHECK_FALSE(contains(to_diff_svg(faults, faults, same), "CPU"));
    CHECK(contains(to_diff_svg(time, time, diagnose::compare(time, time)),
                   "width is the share of CPU time, colour its change"));
  }

  TEST_CASE("the page holds what the reader needs as real text") {
    const SampleReport sample = testing::sample_report();
    const std::string svg = to_svg(sample.profile, sample.diagnosis);
    for (const std::string_view part : {"PostgreSQL 15.18 “main” on db-prod-3, port 5432",
                                        "2026-11-21 03:15:37–03:16:37 UTC",
                                        "CPU-bound: 71 %",
                                        "Where the time went",
                                        "run queue",
                                        "Waiting",
                                        "Tuple deforming: 30 % of CPU (30–31)",
                                        "Wrong if",
                                        "By query",
                                        "Top functions by their own time",
                                        "98.7 % of backend wall time",
                                        "By wait event",
                                        "samples land where interrupts are re-enabled",
                                        "of one core"}) {
      CAPTURE(part);
      CHECK(contains(svg, part));
    }
    CHECK(!contains(svg,
                    "http://"
                    "www.w3.org/1999/xlink"));
  }

  TEST_CASE("the profile travels inside unless it is left out") {
    const SampleReport sample = testing::sample_report();
    CHECK(contains(to_svg(sample.profile, sample.diagnosis),
                   "<metadata class=\"profile\" data-format=\"pprof-gzip-base64\" id=\"pgflame-"));
    CHECK(!contains(without_profile(sample), "-base64\""));
  }

  TEST_CASE("the footer says how to open the report again") {
    const SampleReport sample = testing::sample_report();
    constexpr std::string_view kAgain = "“pgflame report THIS.svg” makes this report again.";
    constexpr std::string_view kKeep =
        "The profile is not inside this file: to open it again, keep the capture.";
    const std::string whole = to_svg(sample.profile, sample.diagnosis);
    CHECK(contains(whole, kAgain));
    CHECK(!contains(whole, "keep the capture"));
    const std::string bare = without_profile(sample);
    CHECK(contains(bare, kKeep));
    CHECK(!contains(bare, kAgain));
  }

  TEST_CASE("a report stays below its limit and says what it leaves out for that") {
    const SampleReport sample = testing::large_report(3000);
    Options options;
    const std::string whole = to_svg(sample.profile, sample.diagnosis, options);
    CHECK(contains(whole, "<metadata class=\"view\""));
    CHECK(contains(whole, "<metadata class=\"profile\""));
    options.most_bytes = whole.size() - 2000;
    const std::string without_views = to_svg(sample.profile, sample.diagnosis, options);
    CHECK(without_views.size() <= options.most_bytes);
    CHECK(contains(without_views, "<metadata class=\"profile\""));
    CHECK(contains(without_views, "makes this report again."));
    CHECK(contains(without_views, "What choosing a query or a range of time needs was left out"));
    options.most_bytes = without_profile(sample).size();
    const std::string bare = to_svg(sample.profile, sample.diagnosis, options);
    CHECK(!contains(bare, "-base64"));
    CHECK(contains(bare, "to open it again, keep the capture"));
    CHECK(!contains(bare, "makes this report again"));
  }

  TEST_CASE("an id belongs to one report only, and is the same for the same report") {
    const SampleReport one = testing::sample_report();
    const SampleReport other = testing::sample_report_after();
    const auto id_of = [](const SampleReport& sample) {
      const std::string svg = without_profile(sample);
      const auto at = svg.find("id=\"pgflame-");
      return svg.substr(at, svg.find('"', at + 4) - at);
    };
    CHECK(id_of(one) == id_of(testing::sample_report()));
    CHECK(id_of(one) != id_of(other));
  }

  TEST_CASE("hostile text adds no element and no attribute") {
    const std::string svg = without_profile(testing::hostile_report());
    CHECK(count_of(svg, "<script") == 1);
    CHECK(count_of(svg, "<img") == 0);
    CHECK(count_of(svg, "<svg") == 1);
    CHECK(count_of(svg, " onload='") == 0);
    CHECK(count_of(svg, "&bogus;") == 0);
    for (const char c : svg)
      CHECK_FALSE((static_cast<unsigned char>(c) < 0x20 && c != '\n'));
  }

  TEST_CASE("below grade C findings give way to the remedy") {
    const std::string svg = without_profile(testing::withheld_report());
    CHECK(contains(svg, "To get findings:"));
    CHECK(contains(svg, "--call-graph dwarf"));
    CHECK(!contains(svg, "class=\"finding\""));
  }

  TEST_CASE("reports stay small") {
    CHECK(without_profile(testing::sample_report()).size() < 400'000);
    const SampleReport large = testing::large_report(30'000);
    CHECK(without_profile(large).size() < 1'000'000);
    CHECK(to_svg(large.profile, large.diagnosis).size() < 2'000'000);
  }

  TEST_CASE("an empty profile still gives a page") {
    const Profile profile;
    diagnose::Diagnosis diagnosis;
    diagnosis.totals.line = "0 samples";
    const std::string svg = to_svg(profile, diagnosis);
    CHECK(contains(svg, "0 samples"));
    CHECK(svg.ends_with("</svg>\n"));
    CHECK(contains(to_markdown(profile, diagnosis), "0 samples"));
    CHECK(contains(to_terminal(profile, diagnosis), "0 samples"));
  }

  TEST_CASE("JSON carries the documented fields") {
    const SampleReport sample = testing::sample_report();
    const auto root = nlohmann::json::parse(to_json(sample.profile, sample.diagnosis));
    CHECK(root["schema"] == "pgflame-diagnosis-1");
    CHECK(root["grade"] == "B");
    CHECK(root["verdict"]["class"] == "cpu-bound");
    CHECK(root["accounting"]["captured"] == sample.diagnosis.totals.captured);
    for (const char* key : {"lost", "unnamed", "truncated", "unclassified"})
      CHECK(root["accounting"][key].is_number_unsigned());
    CHECK(root["activities"][0]["id"] == "DEFORM");
    CHECK(root["activities"][0]["share"] == doctest::Approx(0.301));
    const auto& finding = root["findings"][0];
    CHECK(finding["id"] == "DEFORM");
    CHECK(finding["samples"] == 9312);
    CHECK(finding["query_id"] == "-7046029254386353131");
    CHECK(finding["low"] < finding["share"]);
    CHECK(finding["share"] < finding["high"]);
    CHECK(root["findings"][1]["query_id"].is_null());
    CHECK(root["queries"].size() == 4);
    CHECK(root["waits"][0]["wait_event"] == "Lock:transactionid");
    CHECK(root["notes"].size() == 1);
    CHECK(root["selection"] == "");
  }

  TEST_CASE("every report says what the recording cost, how busy the host was and who lived how") {
    SampleReport sample = testing::sample_report();
    sample.diagnosis.backends = {
        {BackendId{0}, "port 5433", 4'000'000'000, 1'000'000'000, 0, 0, 0, -30'500'000}};
    sample.profile.recording.cost = {20'000'000, 7'000, 2, 25'000'000};
    const std::string who = "port 5433 · client backend · shop";
    const std::string svg = without_profile(sample);
    const std::string markdown = to_markdown(sample.profile, sample.diagnosis);
    for (const std::string& text : {svg, markdown}) {
      CHECK(contains(text, "run queue"));
      CHECK(contains(text, "3.5 µs of BPF per run"));
      CHECK(contains(text, "25 MB of memory"));
      CHECK(contains(text, "By backend"));
      CHECK(contains(text, who));
      CHECK(contains(text, "-30.5 ms"));
    }
    const auto root = nlohmann::json::parse(to_json(sample.profile, sample.diagnosis));
    CHECK(root["recording"]["cost"]["agent_cpu_ns"] == 20'000'000);
    CHECK(root["recording"]["cost"]["peak_rss_bytes"] == 25'000'000);
    const auto& seconds = root["recording"]["host_seconds"];
    REQUIRE(seconds.size() == sample.profile.recording.host_seconds.size());
    CHECK(seconds[0]["cpu_busy"] == sample.profile.recording.host_seconds[0].cpu_busy);
    CHECK(root["accounting"]["losses"]["ring_buffer_full"] == 12);
    CHECK(root["accounting"]["losses"]["tags_unreadable"] == 0);
    CHECK(root["backends"][0]["lifetime"] == 4'000'000'000);
    CHECK(root["backends"][0]["rest"] == -30'500'000);
    CHECK(root["backends"][0]["cluster"] == "port 5433");
    CHECK(seconds[0]["cpu_mhz"].is_null());
  }

  TEST_CASE("what the cost was is null where it is not known") {
    SampleReport sample = testing::sample_report();
    sample.profile.recording.cost = {};
    sample.profile.recording.host_seconds = {HostSecond{}};
    const auto root = nlohmann::json::parse(to_json(sample.profile, sample.diagnosis));
    CHECK(root["recording"]["cost"]["bpf_ns"].is_null());
    CHECK(root["recording"]["host_seconds"][0]["psi_io"].is_null());
    CHECK(!contains(to_markdown(sample.profile, sample.diagnosis), "Recording cost"));
  }

  TEST_CASE("JSON and Markdown of hostile text stay what they are") {
    const SampleReport sample = testing::hostile_report();
    CHECK(nlohmann::json::accept(to_json(sample.profile, sample.diagnosis)));
    const std::string markdown = to_markdown(sample.profile, sample.diagnosis);
    CHECK(!contains(markdown, "\n<script"));
    CHECK(contains(markdown, "\\<script\\>"));
  }

  TEST_CASE("Markdown and terminal output tell verdict, findings and accounting") {
    const SampleReport sample = testing::sample_report();
    for (const std::string& text : {to_markdown(sample.profile, sample.diagnosis),
                                    to_terminal(sample.profile, sample.diagnosis)}) {
      CHECK(contains(text, "CPU-bound: 71 %"));
      CHECK(contains(text, "Tuple deforming: 30 % of CPU"));
      CHECK(contains(text, "98.7 % of backend wall time"));
    }
    CHECK(contains(to_markdown(sample.profile, sample.diagnosis), "```sql\nSELECT attnum"));
  }

  TEST_CASE("a waiting sample is named by its event in its cluster's version") {
    const std::string svg = without_profile(testing::sample_report());
    CHECK(contains(svg, "LWLock:WALWrite"));
    CHECK(contains(svg, "Lock:transactionid"));
  }

  TEST_CASE("several clusters are told apart in every form, one is not spoken of") {
    Profile profile = testing::profile_of_two_clusters();
    const auto forms = [&] {
      const diagnose::Diagnosis diagnosis = diagnose::diagnose(profile);
      return std::array{to_svg(profile, diagnosis),
                        to_markdown(profile, diagnosis),
                        to_terminal(profile, diagnosis),
                        to_json(profile, diagnosis)};
    };
    const auto [svg, markdown, terminal, json] = forms();
    for (const std::string_view frame : {"PostgreSQL 17.2, port 5432&#10;300 samples · 75.0 %",
                                         "PostgreSQL 15.18, port 5433&#10;100 samples · 25.0 %",
                                         "PostgreSQL 15.18, port 5433&#10;1 waits · 100 %"}) {
      CAPTURE(frame);
      CHECK(contains(svg, frame));
    }
    CHECK(contains(svg, "By cluster"));
    CHECK(contains(svg, ">/data/15<"));
    CHECK(contains(markdown, "| port 5432 | 17.2 | 1 | 75.0 % | 0 % | `/data/17` |"));
    CHECK(contains(markdown, "| `postgres` | port 5433 | 25.0 % | 100 % |  |"));
    CHECK(contains(terminal, "  cluster port 5433, PostgreSQL 15.18: 1 backend, 25.0 % of CPU"));
    const nlohmann::json root = nlohmann::json::parse(json);
    CHECK(root["clusters"][1]["port"] == 5432);
    CHECK(root["clusters"][1]["backends"] == 1);
    CHECK(root["databases"][0]["cluster"] == "port 5433");
    const auto again = read_pprof(write_pprof(profile));
    REQUIRE(again);
    CHECK(to_json(*again, diagnose::diagnose(*again)) == json);

    profile.clusters.pop_back();
    profile.queries.clear();
    for (const std::string& text : forms()) {
      CHECK(!contains(text, "By cluster"));
      CHECK(!contains(text, "cluster port"));
      CHECK(!contains(text, "| cluster"));
      CHECK(!contains(text, "\"cluster\""));
    }
  }

  TEST_CASE("a report of a part says of which") {
    SampleReport sample = testing::sample_report();
    sample.diagnosis.selection = "database shop";
    CHECK(contains(without_profile(sample), "Only database shop"));
  }

  TEST_CASE("base64 pads") {
    CHECK(base64("") == "");
    CHECK(base64("f") == "Zg==");
    CHECK(base64("fo") == "Zm8=");
    CHECK(base64("foo") == "Zm9v");
    CHECK(base64("foob") == "Zm9vYg==");
    CHECK(base64("\xff\xfe\xfd") == "//79");
  }
}
