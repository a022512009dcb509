#include "src/base/file.h"

#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include <doctest/doctest.h>

#include "src/base/pieces.h"
#include "tests/support/folder.h"

using namespace pgflame;
namespace fs = std::filesystem;

TEST_SUITE("base") {
  TEST_CASE("what strangers put in place is read only when it is a plain file") {
    const Folder folder;
    const std::string path = folder / "plain";
    REQUIRE(write_file_atomically(path, "hello", Overwrite::kRefuse));
    CHECK(read_strange_file(path, 100).value() == "hello");
    CHECK_FALSE(read_strange_file(path, 3));
    fs::create_symlink(path, folder / "link");
    CHECK_FALSE(read_strange_file(folder / "link", 100));
    REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
    CHECK_FALSE(read_strange_file(folder / "fifo", 100));  // at once
    CHECK_FALSE(read_strange_file(folder / "none", 100));
  }

  TEST_CASE("a path that somebody else chose is opened only when it leads to a plain file") {
    const Folder folder;
    REQUIRE(write_file_atomically(folder / "plain", "hello", Overwrite::kRefuse));
    fs::create_symlink(folder / "plain", folder / "link");
    CHECK(open_regular_file(folder / "plain"));
    CHECK(open_regular_file(folder / "link"));
    REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
    const auto refused = open_regular_file(folder / "fifo");  // at once
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what.ends_with("fifo is not a regular file"));
    CHECK_FALSE(MappedFile::open(folder / "fifo"));
    CHECK_FALSE(open_regular_file("/dev/zero"));
  }

  TEST_CASE("a file is written whole and read back, mapped or copied") {
    const Folder folder;
    const std::string path = folder / "a";
    REQUIRE(write_file_atomically(path, "hello", Overwrite::kRefuse));
    CHECK(read_file(path).value() == "hello");
    CHECK(MappedFile::open(path)->bytes().size() == 5);
    CHECK(folder.entries() == 1);
  }

  TEST_CASE("contents in pieces come out whole, or not at all") {
    const Folder folder;
    const std::string path = folder / "a";
    const auto three = [](const PieceSink& put) {
      for (const char* piece : {"one ", "two ", "three"}) {
        if (Status done = put(piece); !done) return done;
      }
      return Status{};
    };
    REQUIRE(write_pieces_atomically(path, three, Overwrite::kRefuse));
    CHECK(read_file(path).value() == "one two three");
    const auto failing = [](const PieceSink& put) -> Status {
      CHECK(put("half"));
      return fail(ErrorKind::kUnsupported, "too much");
    };
    const Status failed = write_pieces_atomically(path, failing, Overwrite::kAllow);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().what == "too much");
    CHECK(read_file(path).value() == "one two three");
    CHECK(folder.entries() == 1);
  }

  TEST_CASE("an existing file is kept unless overwriting was asked for") {
    const Folder folder;
    const std::string path = folder / "a";
    REQUIRE(write_file_atomically(path, "old", Overwrite::kRefuse));
    const Status refused = write_file_atomically(path, "new", Overwrite::kRefuse);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::kUsage);
    CHECK(read_file(path).value() == "old");
    REQUIRE(write_file_atomically(path, "new", Overwrite::kAllow));
    CHECK(read_file(path).value() == "new");
    CHECK(folder.entries() == 1);
  }

  TEST_CASE("a symbolic link is replaced and its target left alone") {
    const Folder folder;
    REQUIRE(write_file_atomically(folder / "target", "precious", Overwrite::kRefuse));
    fs::create_symlink(folder / "target", folder / "link");
    CHECK_FALSE(write_file_atomically(folder / "link", "x", Overwrite::kRefuse));
    REQUIRE(write_file_atomically(folder / "link", "x", Overwrite::kAllow));
    CHECK(read_file(folder / "target").value() == "precious");
    CHECK_FALSE(fs::is_symlink(folder / "link"));
  }

  TEST_CASE("what is no file is never replaced by one") {
    const Folder folder;
    REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
    fs::create_symlink(folder / "fifo", folder / "link");
    fs::create_directory(folder / "folder");
    for (const char* name : {"fifo", "link", "folder"}) {
      CAPTURE(name);
      CHECK_FALSE(write_file_atomically(folder / name, "x", Overwrite::kAllow));
    }
    CHECK(fs::is_fifo(folder / "fifo"));
    CHECK(folder.entries() == 3);
  }

  TEST_CASE("failures say what, why and leave nothing behind") {
    const Folder folder;
    const Status failed = write_file_atomically(folder / "no/such/folder", "x", Overwrite::kAllow);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().what.find("No such file or directory") != std::string::npos);
    CHECK(read_file(folder / "absent").error().kind == ErrorKind::kNotFound);
    REQUIRE(write_file_atomically(folder / "big", std::string(100, 'x'), Overwrite::kRefuse));
    CHECK(read_file(folder / "big", 50).error().kind == ErrorKind::kCorrupt);
    CHECK(folder.entries() == 1);
  }
}
