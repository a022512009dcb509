#include "src/profile/module_files.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <doctest/doctest.h>

#include "tests/support/folder.h"

using namespace pgflame;

TEST_SUITE("profile") {
  TEST_CASE("a file is the one that was mapped by its numbers, and as long as nobody changed it") {
    const Folder folder;
    const std::string path = folder / "program";
    REQUIRE(write_file_atomically(path, "code", Overwrite::kAllow));
    struct stat status = {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    const int64_t changed = status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec;
    const ModuleId module{3};
    const auto is_unchanged = [&](uint64_t device, uint64_t inode, int64_t end) {
      ModuleFiles files;
      files.add_number(module, device, inode);
      files.set_end(end);
      return files.is_unchanged(module, path);
    };
    CHECK(is_unchanged(status.st_dev, status.st_ino, changed));
    CHECK_FALSE(is_unchanged(status.st_dev, status.st_ino, changed - 1));
    CHECK(is_unchanged(status.st_dev, status.st_ino, 0));  // when it ended is not known
    CHECK_FALSE(is_unchanged(status.st_dev, status.st_ino + 1, changed));
    CHECK(is_unchanged(makedev(0, 77), status.st_ino, changed));  // what overlayfs tells
    if (major(status.st_dev) != 0) {
      CHECK_FALSE(is_unchanged(makedev(major(status.st_dev) + 1, 1), status.st_ino, changed));
    }
    CHECK_FALSE(ModuleFiles().is_unchanged(module, path));
  }

  TEST_CASE("a module without build-id that was two files is none of them") {
    struct stat status = {};
    REQUIRE(::stat("/proc/self/exe", &status) == 0);
    ModuleFiles files;
    const ModuleId module{0};
    files.add_number(module, status.st_dev, status.st_ino);
    files.add_number(module, status.st_dev, status.st_ino);
    CHECK(files.is_unchanged(module, "/proc/self/exe"));
    files.add_number(module, status.st_dev, status.st_ino + 1);
    CHECK_FALSE(files.is_unchanged(module, "/proc/self/exe"));
    files.add_number(module, status.st_dev, status.st_ino);
    CHECK_FALSE(files.is_unchanged(module, "/proc/self/exe"));
  }
}
