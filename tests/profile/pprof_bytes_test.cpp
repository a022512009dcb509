#include "src/profile/pprof_bytes.h"

#include <limits>
#include <string>

#include <doctest/doctest.h>

using pgflame::pprof::Bytes;

TEST_SUITE("profile") {
  TEST_CASE("numbers and texts are written as protocol buffers have them") {
    enum class Field { kNumber = 1, kText = 2 };
    Bytes bytes;
    CHECK(bytes.view().empty());
    bytes.add_number(Field::kNumber, 127);
    CHECK(bytes.view() == "\x08\x7f");
    bytes.clear();
    bytes.add_number(Field::kNumber, 300);
    bytes.add_bytes(Field::kText, "ab");
    CHECK(bytes.view() ==
          "\x08\xac\x02\x12\x02"
          "ab");
    bytes.clear();
    bytes.add_varint(std::numeric_limits<uint64_t>::max());
    CHECK(bytes.view() == "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    bytes.append({});
    CHECK(bytes.view().size() == 10);
  }

  TEST_CASE("bytes take what they are given, however much it is") {
    Bytes bytes;
    std::string expected;
    for (int i = 0; i < 1000; ++i) {
      bytes.append(std::string(static_cast<size_t>(i), 'x'));
      bytes.add_varint(1);
      expected += std::string(static_cast<size_t>(i), 'x') + '\x01';
    }
    CHECK(bytes.view() == expected);
  }
}
