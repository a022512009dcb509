#include "src/base/guarded_mapping.h"

#include <csignal>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>

#include <doctest/doctest.h>
#include <unistd.h>

using namespace pgflame;

namespace {

constexpr size_t kPage = 4096;

FileHandle file_of(size_t size) {
  FileHandle file(::memfd_create("mapped", MFD_CLOEXEC));
  const std::string bytes(size, 'x');
  REQUIRE(::write(file.get(), bytes.data(), size) == static_cast<ssize_t>(size));
  return file;
}

// The signal that ends a child that does this; 0: none.
template <typename Does>
int signal_that_ends(Does does) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGBUS, SIG_DFL);
    does();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace

TEST_SUITE("base") {
  TEST_CASE("what a mapped file loses reads as zeros, and what it keeps as it is") {
    const FileHandle file = file_of(8 * kPage);
    const auto mapping = GuardedMapping::of(file, 8 * kPage);
    REQUIRE(mapping);
    REQUIRE(mapping->bytes().size() == 8 * kPage);
    CHECK(mapping->bytes()[7 * kPage] == 'x');
    CHECK_FALSE(mapping->lost_bytes());
    REQUIRE(::ftruncate(file.get(), 2 * kPage) == 0);
    CHECK(mapping->bytes()[2 * kPage - 1] == 'x');
    CHECK_FALSE(mapping->lost_bytes());
    CHECK(mapping->bytes()[6 * kPage] == 0);
    CHECK(mapping->lost_bytes());
    CHECK(mapping->bytes()[3 * kPage] == 0);
    CHECK(mapping->bytes()[8 * kPage - 1] == 0);
    CHECK(mapping->bytes()[2 * kPage - 1] == 'x');
  }

  TEST_CASE("one mapping's loss is not another's") {
    const FileHandle first_file = file_of(2 * kPage);
    const FileHandle second_file = file_of(2 * kPage);
    const auto first = GuardedMapping::of(first_file, 2 * kPage);
    const auto second = GuardedMapping::of(second_file, 2 * kPage);
    REQUIRE((first && second));
    REQUIRE(::ftruncate(first_file.get(), 0) == 0);
    CHECK(first->bytes()[0] == 0);
    CHECK(first->lost_bytes());
    CHECK(second->bytes()[0] == 'x');
    CHECK_FALSE(second->lost_bytes());
  }

  TEST_CASE("what was let go is read from the file again") {
    const FileHandle file = file_of(4 * kPage);
    const auto mapping = GuardedMapping::of(file, 4 * kPage);
    REQUIRE(mapping);
    CHECK(mapping->bytes()[kPage] == 'x');
    REQUIRE(::pwrite(file.get(), "y", 1, kPage) == 1);
    mapping->let_go(0, 2 * kPage);
    CHECK(mapping->bytes()[kPage] == 'y');
  }

  TEST_CASE("no more mappings than can be guarded, and guards are used again") {
    const FileHandle file = file_of(kPage);
    std::vector<std::shared_ptr<const GuardedMapping>> mappings;
    for (auto next = GuardedMapping::of(file, kPage); next; next = GuardedMapping::of(file, kPage))
      mappings.push_back(std::move(next));
    CHECK(mappings.size() >= 8);
    mappings.pop_back();
    CHECK(GuardedMapping::of(file, kPage));
    CHECK_FALSE(GuardedMapping::of(file, 0));
  }

  TEST_CASE("a bus error anywhere else still ends the program") {
    const auto touch_lost_page = [](bool guard_another) {
      const FileHandle guarded_file = file_of(kPage);
      const auto guarded = guard_another ? GuardedMapping::of(guarded_file, kPage) : nullptr;
      const FileHandle file = file_of(kPage);
      void* const start = ::mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, file.get(), 0);
      if (::ftruncate(file.get(), 0) != 0) return;
      static_cast<void>(*static_cast<const volatile char*>(start));
    };
    CHECK(signal_that_ends([&] { touch_lost_page(false); }) == SIGBUS);
    CHECK(signal_that_ends([&] { touch_lost_page(true); }) == SIGBUS);
    CHECK(signal_that_ends([&] { std::raise(SIGBUS); }) == SIGBUS);
  }
}
