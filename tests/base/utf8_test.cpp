#include "src/base/utf8.h"

#include <doctest/doctest.h>

using namespace pgflame;

TEST_SUITE("base") {
  TEST_CASE("bytes that are no UTF-8 are replaced, the others stay") {
    CHECK(valid_utf8("") == "");
    CHECK(valid_utf8("caf\xc3\xa9 \xf0\x9f\x90\x98") == "caf\xc3\xa9 \xf0\x9f\x90\x98");
    CHECK(valid_utf8("caf\xe9") == "caf\xef\xbf\xbd");
    CHECK(valid_utf8("\xc0\x80") == "\xef\xbf\xbd\xef\xbf\xbd");
  }
}
