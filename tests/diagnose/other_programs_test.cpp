#include "src/diagnose/other_programs.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "src/diagnose/diagnose.h"
#include "tests/support/profile_text.h"

namespace pgflame::diagnose {
namespace {

// A line of the folded text for each process.
Profile profile_of(std::string_view folded, std::initializer_list<std::string> names) {
  Profile profile = testing::profile_from_folded(folded);
  profile.backends = {};
  for (const std::string& name : names) {
    Backend process;
    process.comm = name;
    profile.backends.add(process);
  }
  for (uint32_t i = 0; i < profile.samples.size(); ++i)
    profile.samples[i].backend = BackendId{i};
  return profile;
}

std::string note_on(const Profile& profile) {
  const Diagnosis diagnosis = diagnose(profile);
  const auto note = std::ranges::find_if(diagnosis.notes, [](const std::string& text) {
    return text.find("programs other than") != std::string::npos;
  });
  return note == diagnosis.notes.end() ? std::string() : *note;
}

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("a capture of a whole machine says whose its samples are") {
    Profile profile = profile_of("main;a 900\nmain;b 70\nmain;c 20\nmain;d 10",
                                 {"postgres", "pgbench", "perf", ""});
    CHECK(note_on(profile) ==
          "9.0 % of the CPU time is of programs other than a PostgreSQL server, and counts in all "
          "figures here: pgbench 7.0 %, perf 2.0 %. --comm postgres leaves them out.");
    profile.backends[BackendId{1}].type = "client backend";
    CHECK(note_on(profile).find("pgbench 7") == std::string::npos);
    CHECK(note_on(profile_of("main;a 60\nmain;b 30\nmain;c 10",
                             {"edb-postgres", "postgres_export", "swapper"})) ==
          "40 % of the CPU time is of programs other than a PostgreSQL server, and counts in all "
          "figures here: postgres_export 30 %, swapper (idle) 10 %. --comm edb-postgres leaves "
          "them out.");
    CHECK(note_on(profile_of("main;a 995\nmain;b 5", {"postmaster", "perf"})).empty());
    CHECK(note_on(profile_of("main;a 1", {"chrome"})) ==
          "100 % of the CPU time is of programs other than a PostgreSQL server, and counts in all "
          "figures here: chrome 100 %.");
  }

  TEST_CASE("of many other programs the largest are named") {
    const std::string note =
        note_on(profile_of("main;a 10\nmain;b 20\nmain;c 30\nmain;d 40\nmain;e 50\nmain;f 850",
                           {"one", "two", "three", "four", "five", "postgres"}));
    CHECK(note.find("five 5.0 %, four 4.0 %, three 3.0 %, two 2.0 % and 1 more.") !=
          std::string::npos);
  }
}

}  // namespace pgflame::diagnose
