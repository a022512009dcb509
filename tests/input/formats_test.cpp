#include <string>

#include <doctest/doctest.h>

#include "src/convert/convert.h"
#include "src/input/given_frames.h"
#include "src/input/input.h"
#include "src/input/sample_filter.h"
#include "src/input/script_line.h"
#include "src/profile/builder.h"
#include "src/profile/gzip.h"
#include "tests/support/opened_text.h"
#include "tests/support/profile_text.h"

using namespace pgflame;
using namespace pgflame::testing;

namespace {

struct Flavour {
  const char* text;
  const char* folded;
};

}  // namespace

TEST_SUITE("input") {
  TEST_CASE("perf script text of every flavour becomes the same stacks") {
    const Flavour flavours[] = {
        {kScript.data(), "postgres;[unnamed] libc.so.6;ExecScan 2\n"},
        // -F comm,pid,ip,sym
        {"postgres 7 \n\t 55c7cef36fd3 ExecScan\n\t 7fa141472250 main\n\n",
         "postgres;main;ExecScan 1\n"},
        // no call chain: the frame stands on the line itself
        {"        postgres  4831  5930.968007:    5025125 cpu-clock:      55c7cef36fd3 "
         "ExecScan+0x3 "
         "(/usr/lib/postgresql/15/bin/postgres)\n"
         "        postgres  4831  5930.978007:    5025125 cpu-clock:      55c7cef36fd4 "
         "ExecScan+0x4 "
         "(/usr/lib/postgresql/15/bin/postgres)\n",
         "postgres;ExecScan 2\n"},
        // a comm with blanks, an event with modifiers, names with ';' and blanks
        {"V8 Worker 2 31/32 12.5: 1 cycles:ppp: \n"
         "\t 10ff Lorg/foo;::bar (int, char) const (/tmp/perf-31.map)\n"
         "\t 20ff std::map<int, char> f(a b)+0x1f (/opt/my app/x.so (deleted))\n\n",
         "V8 Worker 2;std::map<int, char> f(a b);Lorg/foo:::bar (int, char) const 1\n"},
        // inlined functions come before the one that contains them
        {"postgres 7 1.0: 5 cycles: \n"
         "\t 55c7cef36fd3 deform (inlined)\n"
         "\t 55c7cef36fd3 getsomeattrs+0x3 (/x/postgres)\n"
         "\t 7fa141472250 main (/x/postgres)\n\n",
         "postgres;main;getsomeattrs;deform 1\n"},
        // pasted: tabs became blanks; source lines between the frames
        {"postgres 7 [000] 1.0: 5 cycles: \n"
         "        55c7cef36fd3 ExecScan (/x/postgres)\n"
         "  execScan.c:12\n"
         "        7fa141472250 main (/x/postgres)\n"
         "\n",
         "postgres;main;ExecScan 1\n"},
        // -F comm,ip,sym, and -F ip,sym
        {"postgres \n\t 55c7cef36fd3 ExecScan\n\t 7fa141472250 main\n\n"
         "V8 Worker \n\t 55c7cef36fd3 f\n\n",
         "V8 Worker;f 1\npostgres;main;ExecScan 1\n"},
        {"\n\t 55c7cef36fd3 ExecScan\n\t 7fa141472250 main\n\n\n\t 7fa141472250 main\n\n",
         "main 1\nmain;ExecScan 1\n"},
        // -G -F comm,pid,ip,sym,dso
        {"        postgres  4440      55c7cef36fd3 [unknown] "
         "(/usr/lib/postgresql/15/bin/postgres)\n"
         "        postgres  4441      55c7cf1e06ff hash_search "
         "(/usr/lib/postgresql/15/bin/postgres)\n",
         "postgres;[unnamed] postgres 1\npostgres;hash_search 1\n"},
        // a comm with a semicolon comes first; one that pprof could begin with
        {"a;b 7 1.0: 5 cycles: \n\t 55c7cef36fd3 f (/x/y)\n\n", "a:b;f 1\n"},
        {"java 4711 1.0: 5 cycles: \n\t 55c7cef36fd3 f (/x/y)\n\n", "java;f 1\n"},
        // -F +srcline: that a function was inlined stands behind its source line
        {"postgres 7 [000] 1.0: 5 cycles: \n"
         "\t 27304 inner+0x84\n  libc-start.c:360 (inlined)\n"
         "\t 27304 outer+0x84 (/x/postgres)\n  ??:0\n\n",
         "postgres;outer;inner 1\n"},
        // no blank line behind the frames: -F +iregs, +brstack, +insn, +insnlen
        {"postgres 7 [000] 1.0: 5 cycles: \n\t 55c7cef36fd3 f (/x/y)\n"
         " ABI:2    AX:0xffff    BX:0x1 \n"
         "    postgres 7 [000] 2.0: 5 cycles: \n\t 55c7cef36fd3 f (/x/y)\n"
         " 0x55c7/0x55d0/P/-/-/0  0x1/0x2/M/-/-/0 \n"
         "postgres 7 [000] 3.0: 5 cycles: \n\t 55c7cef36fd3 f (/x/y)\n"
         " insn: c5 fb 93 c9\n"
         "postgres 7 [000] 4.0: 5 cycles: \n\t 55c7cef36fd3 f (/x/y)\n ilen: 4\n",
         "postgres;f 4\n"},
        // lines from Windows, and blank lines that hold a blank
        {"postgres 7 [000] 1.0: 5 cycles: \r\n\t 55c7cef36fd3 f (/x/y)\r\n\r\n"
         "postgres 7 [000] 2.0: 5 cycles: \r\n\t 55c7cef36fd3 f (/x/y)\r\n\r\n",
         "postgres;f 2\n"},
        {"postgres 7 [000] 1.0: 5 cycles: \n\t 55c7cef36fd3 f (/x/y)\n \n"
         "postgres 7 [000] 2.0: 5 cycles: \n\t 55c7cef36fd3 f (/x/y)\n \n",
         "postgres;f 2\n"},
        // --show-mmap-events and the like: no samples
        {"postgres 0 [000] 0.000000: PERF_RECORD_MMAP2 7/7: [0x1(0x2) @ 0 fe:00 3 0]: r-xp /x/y\n"
         "postgres 7 [000] 1.0: PERF_RECORD_COMM: postgres:7/7\n"
         "postgres 7 1.0: PERF_RECORD_SWITCH IN \n"
         "postgres 7 [000] 1.0: 5 cycles: \n\t 55c7cef36fd3 f (/x/y)\n\n",
         "postgres;f 1\n"},
        // what somebody typed above it
        {"Here is what we saw:\n$ perf script -i perf.data\n"
         "postgres 7 [000] 1.0: 5 cycles: \n\t 55c7cef36fd3 f (/x/y)\n\n",
         "postgres;f 1\n"},
        // what other tools wrote to the same terminal
        {"postgres 7 [000] 1.0: 5 cycles: \n\t 55c7cef36fd3 f (/x/y)\n"
         "addr2line: DWARF error: (x)\nBFD: error\n\t 7fa141472250 main (/x/y)\n\n",
         "postgres;main;f 1\n"},
        {"postgres 7 \n\t 55c7cef36fd3 f\nBFD: error\n\t 7fa141472250 main\n\n"
         "postgres 7 \nBFD: error\n\t 55c7cef36fd3 f\n\t 7fa141472250 main\n\n",
         "postgres;main;f 2\n"},
        {"\t 7fa141472250 PERF_RECORD_X (/x/y)\n\n", "PERF_RECORD_X 1\n"},
        // a tracepoint's fields are no frame
        {"postgres 31 [000] 5.0: sched:sched_switch: prev_comm=postgres prev_pid=31\n"
         "\tffffffff821facd8 schedule ([kernel.kallsyms])\n\n",
         "postgres;schedule 1\n"},
    };
    for (const Flavour& flavour : flavours) {
      CAPTURE(flavour.text);
      CHECK(folded_from(flavour.text) == flavour.folded);
    }
  }

  TEST_CASE("perf script text keeps process, time, weight and host") {
    const auto opened = open_text(kScript);
    REQUIRE(opened.has_value());
    const Profile& profile = opened->profile;
    CHECK(opened->format == input::Format::kPerfScript);
    CHECK(profile.recording.host == "db1");
    CHECK(profile.recording.event.name == "cpu-clock");
    CHECK(profile.recording.event.unit == WeightUnit::kNanoseconds);
    REQUIRE(profile.backends.size() == 1);
    CHECK(profile.backends[BackendId{0}].pid == 4440);
    REQUIRE(profile.samples.size() == 2);
    CHECK(profile.samples[0].second == 0);
    CHECK(profile.samples[1].second == 1);
    CHECK(profile.samples[0].weight == 2004008);
    CHECK(account(profile).unnamed == 0);
  }

  TEST_CASE("folded stacks of every tool are read") {
    const Flavour flavours[] = {
        {"postgres;main;ExecScan 3\npostgres;main 4\npostgres;main;ExecScan 1\n",
         "postgres;main 4\npostgres;main;ExecScan 4\n"},
        {"main;a;b 1\nmain;a;b;c 2\nmain;a 3\nmain 4\n",
         "main 4\nmain;a 3\nmain;a;b 1\nmain;a;b;c 2\n"},
        {"postgres-4711/4711;_start;main;schedule_[k] 2\r\n", "postgres;_start;main;schedule 2\n"},
        {"# comment\n\na b;c d 7.6\n", "a b;c d 8\n"},
        {"main;ab 1\nmain;abc 1\nmain;ab;c 1\n", "main;ab 1\nmain;ab;c 1\nmain;abc 1\n"},
        // the idle task is a process, whatever its stack begins with
        {"swapper;secondary_startup_64;do_idle 5\n", "swapper;secondary_startup_64;do_idle 5\n"},
    };
    for (const Flavour& flavour : flavours) {
      CAPTURE(flavour.text);
      CHECK(folded_from(flavour.text) == flavour.folded);
    }
  }

  TEST_CASE("the idle task of folded stacks can be left out") {
    input::Options options;
    options.exclude_idle = true;
    const auto opened =
        open_text("swapper;secondary_startup_64;do_idle 5\npostgres;main 3\n", options);
    REQUIRE(opened.has_value());
    CHECK(account(opened->profile).captured == 3);
    CHECK(opened->profile.recording.losses[static_cast<size_t>(Loss::kFiltered)] == 5);
  }

  TEST_CASE("maps that bpftrace printed are read, whatever the order of their keys") {
    constexpr std::string_view kUser = "    ExecScan+301\n    0x55fe2f7a433c\n    main+534\n";
    constexpr std::string_view kKernel =
        "    schedule+35\n    entry_SYSCALL_64_after_hwframe+118\n";
    const std::string user(kUser);
    const std::string kernel(kKernel);
    const std::string both =
        "postgres;main;[unnamed];ExecScan;entry_SYSCALL_64_after_hwframe;schedule 12\n";
    const std::string attaching = "Attaching 2 probes...\n\n\n";
    const std::pair<std::string, std::string> cases[] = {
        {attaching + "@[\n" + user + ", \n" + kernel + ", postgres, 7]: 12\n", both},
        {attaching + "@[7, postgres, \n" + kernel + ", \n" + user + "]: 12\n\n", both},
        {"@a[\n" + kernel + ", postgres]: 3\n@a[, postgres]: 4\n",
         "postgres 4\npostgres;entry_SYSCALL_64_after_hwframe;schedule 3\n"},
        {"@[\n" + user + ", , postgres, 7]: 5\n", "postgres;main;[unnamed];ExecScan 5\n"},
        {"@[\n\t55fe2f7a433c f(int) const+3 (/usr/bin/x)\n\t55fe2f7a433d main+3 (/usr/bin/x)\n]: "
         "5\n",
         "main;f(int) const 5\n"},
    };
    for (const std::pair<std::string, std::string>& text_and_folded : cases) {
      const std::string& text = text_and_folded.first;
      CAPTURE(text);
      CHECK(folded_from(text) == text_and_folded.second);
    }
  }

  TEST_CASE("a pprof file that was compressed twice is read") {
    const std::string pprof =
        convert::convert(open_text(kScript)->profile, convert::Target::kPprof).value();
    CHECK(folded_from(gzip(pprof)) == folded_from(pprof));
  }

  TEST_CASE("of a pprof file that is cut the samples before the cut are read with their names") {
    const auto packed =
        convert::convert(open_text(kScript)->profile, convert::Target::kPprof).value();
    const std::string whole = gunzip(packed, size_t{1} << 20)->bytes;
    for (const std::string& cut :
         {whole.substr(0, whole.size() - 1), gzip(whole.substr(0, whole.size() - 1))}) {
      const auto opened = open_text(cut);
      REQUIRE(opened);
      CHECK(opened->profile.recording.truncated_input);
      CHECK(account(opened->profile).captured == 1);
      CHECK(folded_from(cut).starts_with("postgres;"));
    }
    const auto cut = open_text(packed.substr(0, packed.size() - 9));
    REQUIRE(cut);
    CHECK(cut->profile.recording.truncated_input);
    CHECK(folded_from(whole.substr(0, whole.size() / 2)) ==
          "error: the pprof file is cut: it ends before the first of its samples");
  }

  TEST_CASE("text of which most is no folded stack is refused") {
    CHECK(folded_from("one\ntwo\nthree 3\n") == "error: this is none of the formats pgflame reads");
    std::string text;
    for (int i = 0; i < 100; ++i)
      text += "main;a 1\n";
    for (int i = 0; i < 150; ++i)
      text += "something else\n";
    CHECK(folded_from(text) == "error: 150 of its 250 lines are no folded stacks");
  }

  TEST_CASE("counts that add up to too much are cut, and the report says so") {
    const auto opened = open_text("x;y 18446744073709551615\nx;y 5\n");
    REQUIRE(opened.has_value());
    CHECK(account(opened->profile).captured == INT64_MAX);
    REQUIRE(opened->profile.recording.notes.size() == 1);
    CHECK(opened->profile.recording.notes[0].find("2^63") != std::string::npos);
    const std::string half = std::to_string(INT64_MAX);
    const std::string pprof =
        convert::convert(open_text("x;y " + half + "\nx;y;z 1\n")->profile, convert::Target::kPprof)
            .value();
    CHECK(account(open_text(pprof)->profile).captured == INT64_MAX);
  }

  TEST_CASE("a text that ends in the middle of a line is called truncated") {
    for (const char* cut : {"main;a 3\nmain;b 4\nmain;c;d", "main;a 3\nmain;b 4\nmain"}) {
      CAPTURE(cut);
      const auto opened = open_text(cut);
      REQUIRE(opened.has_value());
      CHECK(opened->profile.recording.truncated_input);
      CHECK(account(opened->profile).captured == 7);
    }
    const std::string_view script =
        kScript.substr(0, kScript.find("postgres  4440/4440 [001]  5821"));
    CHECK_FALSE(open_text(kScript)->profile.recording.truncated_input);
    CHECK_FALSE(open_text(script.substr(0, script.size() - 2))->profile.recording.truncated_input);
    CHECK(open_text(script.substr(0, script.size() - 9))->profile.recording.truncated_input);
    CHECK_FALSE(open_text("main;a 3\nmain;b 4")->profile.recording.truncated_input);
  }

  TEST_CASE("a folded line without a count is counted as broken") {
    const auto opened = open_text("main;a 3\nmain;b\nmain;c 4\n");
    REQUIRE(opened.has_value());
    CHECK(account(opened->profile).captured == 7);
    CHECK(opened->profile.recording.losses[static_cast<size_t>(Loss::kBadRecord)] == 1);
  }

  TEST_CASE("formats are converted without losing samples or weight") {
    const auto first = open_text(kScript);
    REQUIRE(first.has_value());
    const Accounting expected = account(first->profile);
    for (const auto target : {convert::Target::kPprof, convert::Target::kPerfScript}) {
      const auto second = open_text(convert::convert(first->profile, target).value());
      REQUIRE(second.has_value());
      CHECK(account(second->profile).captured == expected.captured);
      CHECK(account(second->profile).weight == expected.weight);
      CHECK(convert::convert(second->profile, convert::Target::kFolded).value() ==
            convert::convert(first->profile, convert::Target::kFolded).value());
    }
    const std::string folded = convert::convert(first->profile, convert::Target::kFolded).value();
    CHECK(folded_from(folded) == folded);
    CHECK(folded_from(gzip(folded)) == folded);
  }

  TEST_CASE("what a filter leaves out is counted") {
    input::Options options;
    SUBCASE("by process") {
      options.pids = {4441};
    }
    SUBCASE("by name") {
      options.comms = {"psql"};
    }
    SUBCASE("by time") {
      options.time = "5,10";
    }
    const auto opened = open_text(kScript, options);
    REQUIRE(opened.has_value());
    CHECK(opened->profile.samples.empty());
    CHECK(opened->profile.recording.losses[static_cast<size_t>(Loss::kFiltered)] == 2);
  }

  TEST_CASE("what does not tell its pid is of no pid") {
    input::Options options;
    options.pids = {0};
    const auto opened = open_text("postgres;main 3\nswapper;do_idle 5\n", options);
    REQUIRE(opened.has_value());
    CHECK(account(opened->profile).captured == 5);
  }

  TEST_CASE("ranges of time are read as people write them") {
    const auto range = [](std::string_view text) { return input::parse_time_range(text); };
    REQUIRE(range("10,20")->has_value());
    CHECK((*range("10,20"))->from == 10'000'000'000);
    CHECK((*range("10,20"))->to == 20'000'000'000);
    CHECK((*range("1m,"))->from == 60'000'000'000);
    CHECK((*range(",0.5"))->to == 500'000'000);
    CHECK((*range("2026-11-21 05:35:00,2026-11-21 05:36:00"))->from == 1795239300'000'000'000);
    CHECK((*range("@1795239300,"))->wall_clock);
    CHECK_FALSE(range("")->has_value());
    for (const char* bad : {"10", "20,10", "a,b", "1,2,3", ",", "10,2026-11-21 05:36:00"}) {
      CAPTURE(bad);
      CHECK_FALSE(range(bad).has_value());
    }
  }

  TEST_CASE("what is beyond the largest sum is no sample") {
    const auto opened = open_text("main;a 9223372036854775807\nmain;b 5\n");
    REQUIRE(opened.has_value());
    CHECK(opened->profile.samples.size() == 1);
    CHECK(opened->profile.samples[0].count == INT64_MAX);
    CHECK(opened->profile.recording.notes.size() == 1);
  }

  TEST_CASE("what is no capture is refused with a reason") {
    const Flavour cases[] = {
        {"", "there is nothing in it"},
        {"\x28\xb5\x2f\xfd\x04\x58", "it is cut so early that nothing of it can be unpacked"},
        {"hello world\nthis is text\n", "this is none of the formats pgflame reads"},
        {"\x7f"
         "ELF\x02\x01\x01 a program",
         "this is none of the formats pgflame reads"},
        {"\x0b\x34\x56\x78\x9a", "this is none of the formats pgflame reads"},
        {"<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>",
         "this SVG is not a report of pgflame: there is no profile inside"},
        {"<svg><metadata id=\"pgflame-profile\">AAAA",
         "the profile inside the SVG is damaged or cut short"},
        {"<svg><metadata class=\"profile\" data-format=\"pprof-gzip-base64\">A.A</metadata></svg>",
         "the profile inside the SVG is damaged or cut short"},
        {"<svg class=\"pgflame\" width=\"1200\"><g>",
         "the report is cut: it ends before the profile inside it"},
        {"<svg class=\"pgflame\" width=\"1200\"><g></g></svg>\n",
         "there is no profile inside this report: it was written with --no-embed"},
        {"<svg class=\"pgflame diff\"></svg>",
         "this SVG compares two captures and carries neither of them"},
        {"PERFILE2", "the perf.data header is broken"},
    };
    for (const Flavour& bad : cases) {
      CAPTURE(bad.text);
      const auto opened = open_text(bad.text);
      REQUIRE_FALSE(opened.has_value());
      CHECK(opened.error().what.find(bad.folded) != std::string::npos);
    }
    CHECK_FALSE(input::open("/does/not/exist", {}).has_value());
    const auto part =
        input::open(PGFLAME_SOURCE_DIR "/tests/golden/input/format-dir.perf.data/data", {});
    REQUIRE_FALSE(part.has_value());
    CHECK(part.error().hint == "give pgflame the folder that perf record --threads wrote");
  }

  TEST_CASE("folded stacks stay folded stacks below and above what looks like perf script") {
    const std::string folded = "main;a 3\nmain;b 3\nmain;c 3\nmain;d 3\n";
    for (const std::string& text : {"# ========\n" + folded,
                                    folded + "Room 3 12.30: agenda:\n\tadd items for Bob\n",
                                    folded + "sh 12.30: x:\n\tadd b\n"}) {
      CAPTURE(text);
      const auto opened = open_text(text);
      REQUIRE(opened.has_value());
      CHECK(opened->format == input::Format::kFolded);
      CHECK(account(opened->profile).captured == 12);
    }
  }

  TEST_CASE("perf script text without blank lines is cut where samples begin") {
    for (const char* end : {"\n", "\r\n"}) {
      std::string text;
      size_t samples = 0;
      for (; text.size() < size_t{3} << 20; ++samples) {
        text += "  postgres  4440/4440 [001]  5820.1:    2004008 cpu-clock:" + std::string(end);
        for (int depth = 0; depth < 40; ++depth)
          text += "\t      55c7cef36fd3 ExecScan+0x1a (/usr/lib/postgresql/15/bin/postgres)" +
                  std::string(end);
      }
      const auto opened = open_text(text);
      REQUIRE(opened.has_value());
      CHECK(account(opened->profile).captured == samples);
      CHECK(opened->profile.stacks.size() == 41);
    }
  }

  TEST_CASE("a block of perf script text longer than any buffer stays one sample") {
    std::string text = "postgres  4440/4440 [001]  5820.1:    2004008 cpu-clock: \n";
    const std::string frame =
        "\t      55c7cef36fd3 ExecScan+0x1a (/usr/lib/postgresql/15/bin/postgres)\n";
    while (text.size() < size_t{5} << 20)
      text += frame;
    text += "\n";
    text.append(kScript.substr(kScript.find("postgres")));
    const auto opened = open_text(text);
    REQUIRE(opened.has_value());
    CHECK(account(opened->profile).captured == 3);
    CHECK(opened->profile.recording.losses[static_cast<size_t>(Loss::kBadRecord)] == 0);
  }

  TEST_CASE("names beyond the limit become one unknown frame, and the report says so") {
    ProfileBuilder builder;
    input::GivenFrames frames(builder, 2000);
    const LocationId first = frames.frame("f0", "m");
    for (int i = 1; i < 1000; ++i)
      frames.frame("f" + std::to_string(i), "m");
    CHECK(frames.frame("f0", "m") == first);
    CHECK(frames.frame("f999", "m") == frames.frame("f998", "n"));
    CHECK(builder.profile().functions.size() < 30);
    Recording recording;
    frames.note_overflow(recording);
    CHECK(recording.notes.size() == 1);
  }
}
