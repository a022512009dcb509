#include "flamegraph/xml.h"

#include <doctest/doctest.h>

#include "flamegraph/assets.h"
#include "flamegraph/text_metrics.h"

using namespace pgflame::flamegraph;

TEST_SUITE("flamegraph") {
  TEST_CASE("text from outside cannot leave its element or attribute") {
    XmlWriter xml;
    xml.open("a").attr("b", "\"><c d='e'&f\n\t").text("</a>&lt;]]>").close();
    CHECK(xml.str() ==
          "<a b=\"&quot;&gt;&lt;c d=&#39;e&#39;&amp;f&#10;&#9;\">&lt;/a&gt;&amp;lt;]]&gt;</a>");
  }

  TEST_CASE("bytes that XML forbids become the replacement character") {
    struct Row {
      std::string_view in;
      std::string_view out;
    };
    for (const Row& row : {Row{"\x01", "\xef\xbf\xbd"},
                           Row{"a\x7f", "a\xef\xbf\xbd"},
                           Row{"\xff", "\xef\xbf\xbd"},
                           Row{"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
                           Row{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
                           Row{"\xef\xbf\xbf", "\xef\xbf\xbd"},
                           Row{"\xe2\x80\xae!", "\xef\xbf\xbd!"},
                           Row{"\xe6\x9f\xa5", "\xe6\x9f\xa5"},
                           Row{"\xf0\x9f\x90\x98", "\xf0\x9f\x90\x98"},
                           Row{"\xf0\x9f\x90", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}}) {
      CAPTURE(row.in);
      XmlWriter xml;
      xml.leaf("t", row.in);
      CHECK(xml.str() == "<t>" + std::string(row.out) + "</t>");
    }
  }

  TEST_CASE("numbers are short and never in exponent form") {
    CHECK(short_number(12) == "12");
    CHECK(short_number(12.5) == "12.5");
    CHECK(short_number(0.126) == "0.13");
    CHECK(short_number(1e9) == "1000000000");
    CHECK(short_number(-0.001) == "0");
    CHECK(short_number(0.0 / 0.0) == "0");
  }

  TEST_CASE("fitted text is never wider than its room") {
    for (const std::string_view text : {"slot_deform_heap_tuple",
                                        "查詢計劃器在等待鎖定",
                                        "WWWWWWWW",
                                        "e\xcc\x81\xcc\x82\xcc\x83 combining",
                                        "\xff\xfe\xfd"}) {
      for (const double width : {0.0, 5.0, 20.0, 33.3, 60.0, 400.0}) {
        CAPTURE(text);
        CAPTURE(width);
        CHECK(text_width(fit(text, width, Font{11}), Font{11}) <= width);
      }
    }
    CHECK(fit("slot_deform_heap_tuple", 60, Font{11}) == "slot_def…");
    CHECK(fit("abc", 400, Font{11}) == "abc");
    CHECK(fit("two\nlines", 400, Font{11}) == "two lines");
  }

  TEST_CASE("wrapped lines fit, keep their words and end at the limit") {
    const auto lines = wrap("the quick brown fox jumps over the lazy dog", 100, Font{12}, 99);
    std::string joined;
    for (const std::string& line : lines) {
      CHECK(text_width(line, Font{12}) <= 100);
      joined += (joined.empty() ? "" : " ") + line;
    }
    CHECK(joined == "the quick brown fox jumps over the lazy dog");
    const auto cut = wrap(std::string(5000, 'W'), 100, Font{12}, 3);
    REQUIRE(cut.size() == 3);
    CHECK(cut.back().ends_with("…"));
    CHECK(text_width(cut.back(), Font{12}) <= 100);
  }

  TEST_CASE("line breaks and the indentation of code survive wrapping") {
    const auto lines = wrap("SELECT 1\n  FROM t", 400, Font{12, Face::kMono}, 9);
    CHECK(lines == std::vector<std::string>{"SELECT 1", "  FROM t"});
  }

  TEST_CASE("what every report carries of style and script is small") {
    CHECK(style_sheet("r").size() > 1'000);
    CHECK(style_sheet("r").size() + script("r").size() < 25'000);
  }
}
