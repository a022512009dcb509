#include "src/base/kept_file.h"

#include <string>

#include <doctest/doctest.h>

#include "src/base/file.h"
#include "tests/support/folder.h"

using namespace pgflame;

TEST_SUITE("base") {
  TEST_CASE("what was kept comes back under its mark, and whole or not at all") {
    const Folder folder;
    const std::string path = folder / "made/on/demand/file";
    CHECK_FALSE(read_kept_file(path, "mark 1\n"));
    write_kept_file(path, "mark 1\n", "contents");
    CHECK(read_kept_file(path, "mark 1\n") == "contents");
    CHECK_FALSE(read_kept_file(path, "mark 2\n"));
    const std::string good = read_file(path).value();
    for (size_t at = 0; at < good.size(); ++at) {
      REQUIRE(write_file_atomically(path, good.substr(0, at), Overwrite::kAllow));
      CHECK_FALSE(read_kept_file(path, "mark 1\n"));
      std::string changed = good;
      changed[at] = static_cast<char>(changed[at] ^ 1);
      REQUIRE(write_file_atomically(path, changed, Overwrite::kAllow));
      CHECK_FALSE(read_kept_file(path, "mark 1\n"));
    }
    write_kept_file(path, "mark 1\n", "");
    CHECK(read_kept_file(path, "mark 1\n") == "");
  }
}
