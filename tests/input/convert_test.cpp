#include "src/convert/convert.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <initializer_list>

#include <sys/mman.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "src/base/file.h"
#include "src/input/input.h"
#include "src/profile/pprof.h"
#include "tests/support/folder.h"
#include "tests/support/perf_data_writer.h"
#include "tests/support/profile_text.h"

using namespace pgflame;
using nlohmann::json;

namespace {

constexpr const char* kFolded = "main;a\"b;c 3\nmain;d 4\n";

json convert_to_json(convert::Target target) {
  return json::parse(convert::convert(testing::profile_from_folded(kFolded), target).value());
}

// That every number of the column is null or a row of a table with so many rows.
void check_rows(const json& table, const char* column, size_t rows, bool nullable) {
  CAPTURE(column);
  REQUIRE(table.at(column).size() == table.at("length"));
  for (const json& row : table.at(column)) {
    if (nullable && row.is_null()) continue;
    REQUIRE(row.is_number_integer());
    CHECK(row.get<int64_t>() >= 0);
    CHECK(row.get<uint64_t>() < rows);
  }
}

void check_keys(const json& table, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    CAPTURE(key);
    CHECK(table.contains(key));
  }
}

}  // namespace

TEST_SUITE("convert") {
  TEST_CASE("what is written in each format is as expected") {
    const std::string golden = PGFLAME_SOURCE_DIR "/tests/golden/";
    for (const char* name : {"folded", "pprof", "perf-script", "speedscope", "firefox", "json"}) {
      CAPTURE(name);
      const convert::Target target = *convert::parse_target(name);
      input::Options options;
      options.keep_microseconds = convert::has_moments(target);
      const auto opened = input::open(golden + "input/pg15-fp-deform.script", options);
      REQUIRE(opened);
      std::string text = convert::convert(opened->profile, target).value();
      // Compressed bytes differ between versions of the library.
      if (std::string_view(name) == "pprof") {
        text = convert::convert(read_pprof(text).value(), convert::Target::kJson).value();
      }
      const std::string path = golden + "convert/pg15-fp-deform." + name;
      if (std::getenv("PGFLAME_BLESS") != nullptr) {
        std::ofstream(path) << text;
        continue;
      }
      const auto expected = read_file(path);
      REQUIRE(expected);
      CHECK(text == *expected);
    }
  }

  TEST_CASE("every format is known by its name") {
    for (const char* name : {"folded", "pprof", "perf-script", "speedscope", "firefox", "json"}) {
      CAPTURE(name);
      const auto target = convert::parse_target(name);
      REQUIRE(target.has_value());
      CHECK_FALSE(convert::convert(testing::profile_from_folded(kFolded), *target).value().empty());
      CHECK(convert::file_extension(*target).starts_with('.'));
    }
    CHECK_FALSE(convert::parse_target("svg").has_value());
  }

  TEST_CASE("processes of several clusters say which is theirs") {
    Profile profile = testing::profile_of_two_clusters();
    profile.samples.pop_back();
    const auto written = [&](convert::Target target) {
      return convert::convert(profile, target).value();
    };
    const std::string folded = written(convert::Target::kFolded);
    CHECK(folded ==
          "postgres (port 5432);_start;main;ExecSeqScan;heap_getnextslot 300\n"
          "postgres (port 5433);_start;main;ExecSeqScan;heap_getnextslot 100\n");
    const Folder folder;
    std::ofstream(folder / "two.folded") << folded;
    const auto again = input::open(folder / "two.folded", {});
    REQUIRE(again);
    CHECK(testing::to_text(again->profile) == "_start;main;ExecSeqScan;heap_getnextslot 400\n");
    CHECK(again->profile.backends[BackendId{1}].comm == "postgres (port 5433)");
    const json tables = json::parse(written(convert::Target::kJson));
    CHECK(tables["backends"][1]["cluster"] == "port 5433");
    profile.clusters.pop_back();
    CHECK(written(convert::Target::kFolded) ==
          "postgres;_start;main;ExecSeqScan;heap_getnextslot 400\n");
    CHECK(!json::parse(written(convert::Target::kJson))["backends"][1].contains("cluster"));
  }

  TEST_CASE("counts too large for a block of lines each are refused as perf script only") {
    const Profile profile = testing::profile_from_folded("main;a 18446744073709551614\nmain;b 1\n");
    const auto script = convert::convert(profile, convert::Target::kPerfScript);
    REQUIRE_FALSE(script);
    CHECK(script.error().hint.find("folded") != std::string::npos);
    CHECK(convert::convert(profile, convert::Target::kFolded).value() ==
          "postgres;main;a 18446744073709551614\npostgres;main;b 1\n");
  }

  TEST_CASE("perf script has a block for each sample, and their weights add up") {
    Profile profile = testing::profile_from_folded("main;a 3\n");
    profile.samples.front().weight = 11;
    const std::string script = convert::convert(profile, convert::Target::kPerfScript).value();
    size_t blocks = 0;
    for (const char* weight : {" 4 ", " 4 ", " 3 "}) {
      blocks = script.find("postgres ", blocks);
      REQUIRE(blocks != std::string::npos);
      const std::string line = script.substr(blocks, script.find('\n', blocks) - blocks);
      CAPTURE(line);
      CHECK(line.find(weight) != std::string::npos);
      ++blocks;
    }
    CHECK(script.find("postgres ", blocks) == std::string::npos);
    CHECK(script.ends_with("\n\n"));
  }

  TEST_CASE("perf script has the capture's times to the microsecond, and the same samples") {
    testing::PerfDataWriter writer;
    for (const uint64_t time : {5'820'169'689'999U, 5'820'169'690'000U, 5'823'000'000'001U})
      writer.sample(time, 10, {testing::kUserMarker, 0x400100});
    const auto open_file = [](std::string_view bytes, bool moments) {
      const int fd = ::memfd_create("capture", 0);
      REQUIRE(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
      input::Options options;
      options.keep_microseconds = moments;
      auto opened = input::open("/proc/self/fd/" + std::to_string(fd), options);
      ::close(fd);
      REQUIRE(opened);
      return opened->profile;
    };
    const auto times_in = [](const std::string& script) {
      std::vector<std::string> times;
      for (size_t at = 0; (at = script.find("10/10 ", at)) != std::string::npos; ++at)
        times.push_back(script.substr(at + 6, script.find(": ", at) - at - 6));
      return times;
    };
    const auto script_of = [](const Profile& profile) {
      return convert::convert(profile, convert::Target::kPerfScript).value();
    };
    const std::vector<std::string> expected{"5820.169689", "5820.169690", "5823.000000"};
    const std::string script = script_of(open_file(writer.file(), true));
    CHECK(times_in(script) == expected);
    CHECK(times_in(script_of(open_file(script, true))) == expected);
    const Profile coarse = open_file(writer.file(), false);
    CHECK(account(coarse).captured == 3);
    CHECK(coarse.samples.size() == 2);
    CHECK(account(open_file(script, false)).weight == account(coarse).weight);
  }

  TEST_CASE("long texts come in pieces, and a sink that fails gets no more") {
    const Profile profile = testing::profile_from_folded("main;a 20000\n");
    std::string text;
    size_t pieces = 0;
    const auto keep = [&](std::string_view piece) {
      text += piece;
      ++pieces;
      return Status{};
    };
    REQUIRE(convert::convert(profile, convert::Target::kPerfScript, keep));
    CHECK(pieces > 3);
    CHECK(text == convert::convert(profile, convert::Target::kPerfScript).value());
    pieces = 0;
    const auto refuse = [&](std::string_view) -> Status {
      ++pieces;
      return fail(ErrorKind::kSystem, "disk full");
    };
    CHECK_FALSE(convert::convert(profile, convert::Target::kPerfScript, refuse));
    CHECK(pieces == 1);
  }

  TEST_CASE("speedscope gets frames, stacks from the outermost frame, and weights") {
    const json file = convert_to_json(convert::Target::kSpeedscope);
    const json& profile = file["profiles"][0];
    CHECK(profile["type"] == "sampled");
    CHECK(profile["unit"] == "nanoseconds");
    CHECK(profile["samples"] == json::parse("[[0,1,2],[0,3]]"));
    CHECK(profile["weights"] == json::parse("[3000000,4000000]"));
    CHECK(profile["endValue"] == 7000000);
    CHECK(file["shared"]["frames"][1]["name"] == "a\"b");
  }

  TEST_CASE("Firefox gets columns of equal length and stacks that end in their samples") {
    const json file = convert_to_json(convert::Target::kFirefox);
    const json& thread = file["threads"][0];
    for (const char* table : {"funcTable", "frameTable", "stackTable", "samples"}) {
      CAPTURE(table);
      for (const auto& column : thread[table].items()) {
        CAPTURE(column.key());
        if (column.value().is_array()) CHECK(column.value().size() == thread[table]["length"]);
      }
    }
    CHECK(thread["stackTable"]["prefix"] == json::parse("[null,0,1,0]"));
    CHECK(thread["stackTable"]["frame"] == json::parse("[0,1,2,3]"));
    CHECK(thread["samples"]["stack"] == json::parse("[2,3]"));
    CHECK(thread["samples"]["weight"] == json::parse("[3,4]"));
    CHECK(thread["stringArray"] == json::parse(R"(["main","postgres","a\"b","c","d"])"));
  }

  // The types that the profiler's source declares for version 49 of the format
  // (src/types/profile.js), table by table. tests/browser/firefox.test.mjs opens a file in it.
  TEST_CASE("Firefox gets what version 49 of its format asks for") {
    const json file = convert_to_json(convert::Target::kFirefox);
    const json& meta = file.at("meta");
    CHECK(meta.at("preprocessedProfileVersion") == 49);
    check_keys(meta,
               {"interval",
                "startTime",
                "processType",
                "extensions",
                "categories",
                "product",
                "stackwalk",
                "version",
                "markerSchema"});
    check_keys(file, {"libs", "threads"});
    const json& thread = file.at("threads").at(0);
    check_keys(thread,
               {"processType",
                "processStartupTime",
                "processShutdownTime",
                "registerTime",
                "unregisterTime",
                "pausedRanges",
                "name",
                "pid",
                "tid",
                "markers",
                "resourceTable",
                "nativeSymbols",
                "isMainThread"});
    const auto rows = [&](const char* table) {
      return thread.at(table).at("length").get<size_t>();
    };
    const size_t strings = thread.at("stringArray").size();
    const size_t categories = meta.at("categories").size();
    check_rows(thread.at("funcTable"), "name", strings, false);
    check_rows(thread.at("funcTable"), "fileName", strings, true);
    for (const json& resource : thread.at("funcTable").at("resource"))
      CHECK((resource == -1 || resource.get<size_t>() < rows("resourceTable")));
    check_rows(thread.at("resourceTable"), "name", strings, false);
    check_rows(thread.at("resourceTable"), "lib", file.at("libs").size(), false);
    check_rows(thread.at("frameTable"), "func", rows("funcTable"), false);
    check_rows(thread.at("frameTable"), "category", categories, true);
    check_rows(thread.at("frameTable"), "nativeSymbol", rows("nativeSymbols"), true);
    check_rows(thread.at("stackTable"), "frame", rows("frameTable"), false);
    check_rows(thread.at("stackTable"), "category", categories, false);
    check_rows(thread.at("samples"), "stack", rows("stackTable"), true);
    const json& prefixes = thread.at("stackTable").at("prefix");
    for (size_t i = 0; i < prefixes.size(); ++i)
      CHECK((prefixes[i].is_null() || prefixes[i].get<size_t>() < i));
    const json& times = thread.at("samples").at("time");
    REQUIRE(times.size() == rows("samples"));
    CHECK(std::ranges::is_sorted(times, {}, [](const json& time) { return time.get<double>(); }));
    CHECK(thread.at("samples").at("weightType") == "samples");
  }

  TEST_CASE("JSON holds every table") {
    const json file = convert_to_json(convert::Target::kJson);
    CHECK(file["functions"].size() == 4);
    CHECK(file["stacks"].size() == 5);
    CHECK(file["samples"][1]["count"] == 4);
    CHECK(file["backends"][0]["comm"] == "postgres");
  }
}
