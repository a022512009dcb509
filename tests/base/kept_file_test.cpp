#include "src/base/kept_file.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>
#include <unistd.h>

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

  TEST_CASE(
      "a kept file that is cut while it is mapped is not whole any more, wherever it was cut") {
    const Folder folder;
    const std::string path = folder / "file";
    for (const off_t left : {off_t{9000}, off_t{4096}, off_t{0}}) {
      write_kept_file(path, "mark\n", std::string(9000, 'x'));
      const auto kept = map_kept_file(path, "mark\n");
      REQUIRE(kept);
      CHECK(kept->contents == std::string(9000, 'x'));
      CHECK(kept->whole());
      REQUIRE(::truncate(path.c_str(), left) == 0);
      CHECK_FALSE(kept->whole());
      CHECK(kept->contents.substr(0, static_cast<size_t>(left) / 4096 * 4096).find('\0') ==
            std::string_view::npos);
    }
  }
}
