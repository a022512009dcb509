#include "src/profile/pprof.h"

#include <map>
#include <string>

#include <doctest/doctest.h>

#include "src/profile/builder.h"
#include "src/profile/gzip.h"
#include "src/profile/recording_json.h"
#include "tests/support/profile_text.h"

using namespace pgflame;

namespace {

Profile example() {
  Profile profile = testing::profile_from_folded("_start;main;ExecSeqScan 3\n_start;main 2\n");
  profile.recording.host = "db1";
  profile.recording.has_waits = true;
  profile.recording.event.rate_hz = 99;
  profile.recording.duration_ns = 10'000'000'000;
  profile.recording.losses[static_cast<size_t>(Loss::kThrottled)] = 7;
  profile.queries.push_back({0xfedcba9876543210, "select $1", false});
  profile.clusters.push_back({4711, 5432, 15, "15.18", "/data", "main"});
  profile.backends[BackendId{0}].database = "shop \"\xff\"";
  profile.backends[BackendId{0}].lifetime_ns = 9'000'000'000;
  profile.backends[BackendId{0}].on_cpu_ns = 50'000'000;
  profile.functions[FunctionId{1}].start = 0x1234;
  profile.functions[FunctionId{1}].tier = NameTier::kRecovered;
  DatabaseContext context;
  context.version = "18.1";
  context.counters = {{"xact_commit", 17}, {"deadlocks", -1}};
  StatementUse statement;
  statement.query_id = 0xfedcba9876543210;
  statement.temp_written = 99;
  context.statements.push_back(statement);
  TableUse table;
  table.name = "wide \"\xff";
  table.columns.push_back({"c1", "integer", 1, true, true});
  context.tables.push_back(table);
  Blocker blocker;
  blocker.waiters = 3;
  blocker.relation = "hot";
  blocker.held_mode = "ExclusiveLock";
  context.blockers.push_back(blocker);
  profile.database = context;
  Sample waiting = profile.samples[0];
  waiting.state = State::kWaiting;
  waiting.wait_event = 0x0A000001;
  waiting.query_id = 0xfedcba9876543210;
  waiting.second = 4;
  profile.samples.push_back(waiting);
  return profile;
}

}  // namespace

TEST_SUITE("profile") {
  TEST_CASE("names in another encoding are saved as valid UTF-8, which protobuf readers demand") {
    Profile profile = example();
    (*profile.functions.begin()).name = "caf\xe9";
    const std::string saved = write_pprof(profile);
    const auto plain = gunzip(saved, size_t{1} << 20);
    REQUIRE(plain);
    CHECK(plain->bytes.find("caf\xe9") == std::string::npos);
    const auto after = read_pprof(saved);
    REQUIRE(after);
    CHECK((*after->functions.begin()).name == "caf\xef\xbf\xbd");
  }

  TEST_CASE("a saved profile is read back as it was") {
    const Profile before = example();
    const auto after = read_pprof(write_pprof(before));
    REQUIRE(after);
    CHECK(testing::to_text(*after) == testing::to_text(before));
    REQUIRE(after->samples.size() == before.samples.size());
    const Sample& waiting = after->samples.back();
    CHECK(waiting.state == State::kWaiting);
    CHECK(waiting.wait_event == 0x0A000001);
    CHECK(waiting.query_id == 0xfedcba9876543210);
    CHECK(waiting.second == 4);
    CHECK(waiting.count == before.samples.back().count);
    CHECK(waiting.weight == before.samples.back().weight);
    CHECK(after->samples[0].end == StackEnd::kRoot);
    CHECK(after->recording.host == "db1");
    CHECK(after->recording.event.rate_hz == 99);
    CHECK(after->recording.duration_ns == 10'000'000'000);
    CHECK(after->recording.losses[static_cast<size_t>(Loss::kThrottled)] == 7);
    CHECK(after->backends[BackendId{0}].lifetime_ns == 9'000'000'000);
    CHECK(after->backends[BackendId{0}].on_cpu_ns == 50'000'000);
    CHECK(after->queries.at(0).text == "select $1");
    CHECK(after->clusters.at(0).port == 5432);
    REQUIRE(after->database);
    CHECK(after->database->connected());
    CHECK(after->database->counters.at(1).value == -1);
    CHECK(after->database->statements.at(0).query_id == 0xfedcba9876543210);
    CHECK(after->database->statements.at(0).temp_written == 99);
    CHECK(after->database->tables.at(0).columns.at(0).type == "integer");
    CHECK(after->database->blockers.at(0).waiters == 3);
    CHECK(after->database->blockers.at(0).relation == "hot");
    CHECK(after->database->blockers.at(0).held_mode == "ExclusiveLock");
    CHECK(after->functions[FunctionId{1}].start == 0x1234);
    CHECK(after->functions[FunctionId{1}].tier == NameTier::kRecovered);
    CHECK(after->modules.size() == before.modules.size());
    CHECK(account(*after).captured == account(before).captured);
    CHECK(account(*after).weight == account(before).weight);
  }

  TEST_CASE("captures that know fewer losses are read, lifetimes that cannot be are unknown") {
    const std::string rest =
        R"(,"clusters":[],"queries":[],"modules":[],"mapping_module":[],)"
        R"("functions":{"module":[],"start":[],"tier":[],"unnamed":[]},)"
        R"("backends":[{"pid":1,"lifetime_ns":18446744073709551615,"on_cpu_ns":5},)"
        R"({"pid":2,"lifetime_ns":7,"on_cpu_ns":5}]})";
    Profile profile;
    REQUIRE(metadata_from_json(R"({"recording":{"losses":[1,2,3,4,5,6,7,8]})" + rest, profile));
    CHECK(profile.recording.losses == Losses{1, 2, 3, 4, 5, 6, 7, 8, 0, 0});
    REQUIRE(profile.backends.size() == 2);
    CHECK(profile.backends[BackendId{0}].lifetime_ns == 0);
    CHECK(profile.backends[BackendId{0}].on_cpu_ns == 0);
    CHECK(profile.backends[BackendId{1}].lifetime_ns == 7);
    Profile without;
    CHECK(metadata_from_json(R"({"recording":{})" + rest, without));
    CHECK_FALSE(metadata_from_json(R"({"recording":[])" + rest, without));
    CHECK_FALSE(metadata_from_json(R"({"recording":{"losses":[-1,"x"]})" + rest, without));
  }

  TEST_CASE("how each stack ended is kept by name") {
    Profile profile = example();
    const Sample sample = profile.samples[0];
    profile.samples.clear();
    for (size_t end = 0; end < kStackEndCount; ++end) {
      profile.samples.push_back(sample);
      profile.samples.back().end = static_cast<StackEnd>(end);
      profile.samples.back().count = end + 1;
    }
    profile.recording.run_time_code = {1, 2, 3};
    for (const PprofForm form : {PprofForm::kExchange, PprofForm::kEmbedded}) {
      const auto after = read_pprof(write_pprof(profile, form));
      REQUIRE(after);
      REQUIRE(after->samples.size() == kStackEndCount);
      for (const Sample& row : after->samples)
        CHECK(static_cast<uint64_t>(row.end) + 1 == row.count);
      CHECK(after->recording.run_time_code.cut == 2);
      CHECK(after->recording.run_time_code.refused == 3);
    }
    // What older captures say.
    CHECK(name_of(StackEnd::kNoUnwindInfo) == "no unwind info");
  }

  TEST_CASE("times that cannot be are unknown") {
    Profile profile = example();
    profile.recording.start_unix_ns = INT64_MAX;
    profile.recording.duration_ns = INT64_MIN;
    const auto after = read_pprof(write_pprof(profile));
    REQUIRE(after);
    CHECK(after->recording.start_unix_ns == 0);
    CHECK(after->recording.duration_ns == 0);
  }

  TEST_CASE("the form inside a report keeps every sample's tags and second in fewer bytes") {
    Profile before = example();
    const Sample first = before.samples[0];
    for (const uint32_t second : {3U, 90U, 7U}) {
      Sample later = first;
      later.second = second;
      later.count = second;
      later.weight = 1'000'000 * second;
      before.samples.push_back(later);
    }
    const std::string embedded = write_pprof(before, PprofForm::kEmbedded);
    const auto after = read_pprof(embedded);
    REQUIRE(after);
    const auto rows_of = [](const Profile& profile) {
      std::map<std::string, std::pair<uint64_t, uint64_t>> rows;
      for (const Sample& sample : profile.samples) {
        const auto tags =
            std::to_string(sample.stack.value) + "/" + std::to_string(sample.backend.value) + "/" +
            std::string(name_of(sample.state)) + "/" + std::string(name_of(sample.end)) + "/" +
            std::to_string(sample.wait_event) + "/" + std::to_string(sample.query_id) + "/" +
            std::to_string(sample.second);
        rows[tags] = {sample.count, sample.weight};
      }
      return rows;
    };
    CHECK(rows_of(*after) == rows_of(before));
    CHECK(testing::to_text(*after) == testing::to_text(before));
    CHECK(gunzip(embedded, 1 << 20)->bytes.size() <
          gunzip(write_pprof(before), 1 << 20)->bytes.size());
  }

  TEST_CASE("a session that changed its name keeps each name on its own samples") {
    Profile before = example();
    before.backends[BackendId{0}].application = "omega";
    before.applications.add("of nobody");
    before.samples[0].application = before.applications.add("alpha");
    before.samples[1].application = before.applications.add("");
    for (const PprofForm form : {PprofForm::kExchange, PprofForm::kEmbedded}) {
      const std::string saved = write_pprof(before, form);
      CHECK(gunzip(saved, size_t{1} << 20)->bytes.find("of nobody") == std::string::npos);
      const auto after = read_pprof(saved);
      REQUIRE(after);
      std::map<std::string, uint64_t, std::less<>> counts;
      for (const Sample& sample : after->samples)
        counts[std::string(application_name(*after, sample))] += sample.count;
      CHECK(counts ==
            std::map<std::string, uint64_t, std::less<>>{{"alpha", before.samples[0].count},
                                                         {"", before.samples[1].count},
                                                         {"omega", before.samples[2].count}});
    }
  }

  TEST_CASE("every cut of a saved profile is an error or the samples before it, said to be cut") {
    const Profile before = example();
    for (const PprofForm form : {PprofForm::kExchange, PprofForm::kEmbedded}) {
      const std::string packed = write_pprof(before, form);
      const std::string unpacked = gunzip(packed, 1 << 20)->bytes;
      size_t with_samples = 0;
      for (const std::string* form_of : {&packed, &unpacked}) {
        const std::string& whole = *form_of;
        for (size_t size = 0; size < whole.size(); ++size) {
          CAPTURE(size);
          const auto cut = read_pprof(std::string_view(whole).substr(0, size));
          if (!cut) continue;
          if (cut->samples.empty()) {
            CHECK(form_of == &unpacked);
            continue;
          }
          ++with_samples;
          CHECK(cut->samples.size() <= before.samples.size());
          CHECK(cut->recording.host == "db1");
          const FunctionId outermost = functions_of(*cut, cut->samples[0].stack).front();
          CHECK(cut->functions[outermost].name == "_start");
          // A cut between two samples of what is not compressed cannot be seen.
          CHECK((cut->recording.truncated_input || form_of == &unpacked));
        }
      }
      CHECK(with_samples > 2);
    }
  }

  TEST_CASE("of a profile that is cut before its names the stacks' addresses are left") {
    // As other tools write them: sample type, sample, mapping, location, function, strings.
    const std::string samples("\x0a\x04\x08\x01\x10\x02\x12\x05\x0a\x01\x01\x10\x07", 13);
    const std::string location("\x22\x06\x08\x01\x18\x80\x80\x04", 8);
    const std::string names(
        "\x32\x00\x32\x03"
        "cpu"
        "\x32\x05"
        "count",
        14);
    const auto whole = read_pprof(samples + location + names);
    REQUIRE(whole);
    CHECK(whole->recording.event.name == "cpu-clock");
    CHECK_FALSE(whole->recording.truncated_input);
    for (size_t left : {size_t{1}, names.size() - 1}) {
      const auto cut = read_pprof((samples + location + names).substr(0, 21 + left));
      REQUIRE(cut);
      CHECK(cut->recording.truncated_input);
      CHECK(account(*cut).weight == 7);
      CHECK(cut->locations[cut->stacks[cut->samples[0].stack].location].address == 0x10000);
    }
    const auto without_locations = read_pprof((samples + location).substr(0, 15));
    REQUIRE(without_locations);
    CHECK(without_locations->recording.event.name == "unnamed events");
    CHECK_FALSE(without_locations->recording.event.is_cpu_time);
    CHECK(without_locations->samples[0].end == StackEnd::kUnreadable);
  }

  TEST_CASE("flipped bits in the uncompressed message never crash") {
    for (const PprofForm form : {PprofForm::kExchange, PprofForm::kEmbedded}) {
      const std::string whole = gunzip(write_pprof(example(), form), 1 << 20)->bytes;
      for (size_t at = 0; at < whole.size(); ++at) {
        std::string broken = whole;
        broken[at] = static_cast<char>(broken[at] ^ (1 << (at % 8)));
        const auto profile = read_pprof(broken);
        if (profile) CHECK(account(*profile).captured < UINT64_MAX);
      }
    }
  }

  TEST_CASE("a gzip bomb is refused") {
    const std::string bomb = gzip(std::string(1 << 20, '\0'));
    const auto out = gunzip(bomb, 1 << 16);
    REQUIRE_FALSE(out);
    CHECK(out.error().kind == ErrorKind::kCorrupt);
  }

  TEST_CASE("a profile that gets clearly too large is given up, any other is written whole") {
    ProfileBuilder builder;
    uint64_t random = 1;
    for (uint32_t i = 0; i < 60'000; ++i) {
      Sample sample;
      random = random * 6364136223846793005 + 1442695040888963407;
      sample.query_id = random;
      sample.count = 1;
      builder.add(sample);
    }
    const Profile profile = std::move(builder).take();
    for (const PprofForm form : {PprofForm::kExchange, PprofForm::kEmbedded}) {
      const std::string whole = write_pprof(profile, form);
      REQUIRE(whole.size() > 400'000);
      CHECK(write_pprof(profile, form, whole.size() / 2).empty());
      CHECK(write_pprof(profile, form, whole.size()) == whole);
      CHECK(write_pprof(profile, form, whole.size() * 97 / 100) == whole);
      CHECK(write_pprof(example(), form, 1) == write_pprof(example(), form));
    }
  }

  TEST_CASE("what makes a profile too large may be its names") {
    ProfileBuilder builder;
    uint64_t random = 1;
    for (uint32_t i = 0; i < 60'000; ++i) {
      random = random * 6364136223846793005 + 1442695040888963407;
      Function function;
      function.name = std::to_string(random);
      builder.function(function);
    }
    Sample sample;
    sample.count = 1;
    builder.add(sample);
    const Profile profile = std::move(builder).take();
    const std::string whole = write_pprof(profile, PprofForm::kEmbedded);
    REQUIRE(whole.size() > 400'000);
    CHECK(write_pprof(profile, PprofForm::kEmbedded, whole.size() / 2).empty());
    CHECK(write_pprof(profile, PprofForm::kEmbedded, whole.size()) == whole);
  }

  TEST_CASE("equal rows are stored once") {
    ProfileBuilder builder;
    const MappingId mapping = builder.mapping({0x1000, 0x2000, 0, {}});
    CHECK(builder.mapping({0x1000, 0x2000, 0, {}}) == mapping);
    const LocationId location = builder.location(mapping, 0x1010);
    CHECK(builder.location(mapping, 0x1010) == location);
    CHECK(builder.location(mapping, 0x1011) != location);
    const StackId stack = builder.push(kEmptyStack, location);
    CHECK(builder.push(kEmptyStack, location) == stack);
    for (int i = 0; i < 1000; ++i) {
      Sample sample;
      sample.stack = stack;
      sample.second = static_cast<uint32_t>(i % 10);
      sample.count = 1;
      builder.add(sample);
    }
    CHECK(builder.profile().samples.size() == 10);
    CHECK(account(builder.profile()).captured == 1000);
  }
}
