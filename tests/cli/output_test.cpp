#include "src/cli/output.h"

#include <doctest/doctest.h>

#include "src/cli/progress.h"
#include "src/cli/terminal.h"

using namespace pgflame;

TEST_SUITE("cli") {
  TEST_CASE("a report is named after the capture it was made from") {
    struct Case {
      const char* input;
      const char* base;
    };
    for (const Case& example : {Case{"perf.data", "perf"},
                                Case{"/tmp/x/incident.perf.data.zst", "incident"},
                                Case{"a.pb.gz", "a"},
                                Case{"stacks.folded", "stacks"},
                                Case{"capture.perf.data/", "capture"},
                                Case{"plain", "plain"},
                                Case{".data", ".data"},
                                Case{"-", "pgflame-report"}}) {
      CAPTURE(example.input);
      CHECK(cli::base_name_for(example.input) == example.base);
    }
  }

  TEST_CASE("an output that cannot be written is refused before anything is recorded") {
    CHECK_FALSE(cli::check_writable("/no/such/folder/x.svg", Overwrite::kAllow));
    CHECK_FALSE(cli::check_writable("/proc/self/comm", Overwrite::kRefuse));
    CHECK(cli::check_writable("/tmp/pgflame-does-not-exist.svg", Overwrite::kRefuse));
  }

  TEST_CASE("an extension given with -o is not doubled, and a folder gets the usual name") {
    struct Case {
      const char* output;
      const char* base;
    };
    for (const Case& example : {Case{"", "usual"},
                                Case{"incident-42", "incident-42"},
                                Case{"/x/incident.svg", "/x/incident"},
                                Case{"incident.pb.gz", "incident"},
                                Case{"/no/such/folder/", "/no/such/folder/usual"},
                                Case{"/proc", "/proc/usual"}}) {
      CAPTURE(example.output);
      cli::OutputOptions output;
      output.base = example.output;
      CHECK(cli::base_of(output, "usual") == example.base);
    }
  }

  TEST_CASE("every form that was asked for is checked before anything is recorded") {
    cli::OutputOptions output;
    CHECK(cli::check_outputs(output, "/tmp/pgflame-does-not-exist", {".svg", ".pb.gz"}));
    output.markdown = "-";
    CHECK(cli::check_outputs(output, "/tmp/pgflame-does-not-exist", {".svg"}));
    output.json = "/no/such/folder/x.json";
    CHECK_FALSE(cli::check_outputs(output, "/tmp/pgflame-does-not-exist", {".svg"}));
  }

  TEST_CASE("the progress line says how far, how much and what was lost") {
    using std::chrono::seconds;
    CHECK(cli::progress_text({seconds(12), 1187, 9, 0}, seconds(60)) ==
          "12s/1m  1 187 samples  9 backends  0 lost");
    CHECK(cli::progress_text({std::chrono::milliseconds(75'500), 5, 1, 2}, {}) ==
          "1m15s  5 samples  1 backend  2 lost");
  }

  TEST_CASE("control characters do not reach the terminal") {
    CHECK(cli::printable("a\x1b[31mb\nc\x7f") == "a?[31mb\nc?");
    CHECK(cli::printable("a\xff\xc3\xa9") == "a\xef\xbf\xbd\xc3\xa9");
  }
}
