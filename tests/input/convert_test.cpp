#include "src/convert/convert.h"

#include <cstdlib>
#include <fstream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "src/base/file.h"
#include "src/input/input.h"
#include "src/profile/pprof.h"
#include "tests/support/folder.h"
#include "tests/support/profile_text.h"

using namespace pgflame;
using nlohmann::json;

namespace {

constexpr const char* kFolded = "main;a\"b;c 3\nmain;d 4\n";

json convert_to_json(convert::Target target) {
  return json::parse(convert::convert(testing::profile_from_folded(kFolded), target).value());
}

}  // namespace

TEST_SUITE("convert") {
  TEST_CASE("what is written in each format is as expected") {
    const std::string golden = PGFLAME_SOURCE_DIR "/tests/golden/";
    const auto opened = input::open(golden + "input/pg15-fp-deform.script", {});
    REQUIRE(opened);
    for (const char* name : {"folded", "pprof", "perf-script", "speedscope", "firefox", "json"}) {
      CAPTURE(name);
      std::string text = convert::convert(opened->profile, *convert::parse_target(name)).value();
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
    CHECK(thread["stringArray"] == json::parse(R"(["main","a\"b","c","d"])"));
  }

  TEST_CASE("JSON holds every table") {
    const json file = convert_to_json(convert::Target::kJson);
    CHECK(file["functions"].size() == 4);
    CHECK(file["stacks"].size() == 5);
    CHECK(file["samples"][1]["count"] == 4);
    CHECK(file["backends"][0]["comm"] == "postgres");
  }
}
