#include "src/base/build_id.h"

#include <vector>

#include <doctest/doctest.h>

#include "src/base/file.h"

using namespace pgflame;

namespace {

std::vector<uint8_t> note(uint32_t type, std::vector<uint8_t> value) {
  std::vector<uint8_t> bytes = {4,
                                0,
                                0,
                                0,
                                static_cast<uint8_t>(value.size()),
                                0,
                                0,
                                0,
                                static_cast<uint8_t>(type),
                                0,
                                0,
                                0,
                                'G',
                                'N',
                                'U',
                                0};
  value.resize((value.size() + 3) / 4 * 4);
  bytes.insert(bytes.end(), value.begin(), value.end());
  return bytes;
}

}  // namespace

TEST_SUITE("base") {
  TEST_CASE("a build-id is found after other notes") {
    auto notes = note(1, {9, 9, 9});
    const auto wanted = note(3, {0xde, 0xad, 0xbe, 0xef});
    notes.insert(notes.end(), wanted.begin(), wanted.end());
    CHECK(build_id_of_notes(notes) == "deadbeef");
  }

  TEST_CASE("notes that end early or lie about their size have no build-id") {
    const auto whole = note(3, {1, 2, 3, 4});
    for (size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      CHECK(build_id_of_notes(std::span(whole).first(size)).empty());
    }
    auto huge = whole;
    huge[7] = 0xff;
    CHECK(build_id_of_notes(huge).empty());
    huge[3] = 0xff;
    CHECK(build_id_of_notes(huge).empty());
    CHECK(build_id_of_notes(note(3, {})).empty());
  }

  TEST_CASE("the build-id of this very program is the same from memory and from disk") {
    const std::string path = "/proc/self/exe";
    const auto image = read_file(path);
    REQUIRE(image);
    const std::span bytes(reinterpret_cast<const uint8_t*>(image->data()), image->size());
    const std::string id = build_id_of_elf(bytes);
    CHECK(id.size() == 40);
    CHECK(build_id_of_file(path) == id);
    CHECK(build_id_of_elf(bytes.first(200)).empty());
    CHECK(build_id_of_file("/proc/self/maps").empty());
    CHECK(build_id_of_file("/does/not/exist").empty());
  }
}
