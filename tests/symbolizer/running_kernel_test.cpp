#include "symbolizer/running_kernel.h"

#include <charconv>

#include <doctest/doctest.h>

#include "src/base/file.h"
#include "tests/support/folder.h"

using namespace pgflame;
using namespace pgflame::symbolizer;

namespace {

std::string own_build_id() {
  const std::string hex = build_id_of_running_kernel();
  std::string bytes;
  for (size_t at = 0; at + 2 <= hex.size(); at += 2) {
    uint8_t byte = 0;
    std::from_chars(hex.data() + at, hex.data() + at + 2, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace

TEST_SUITE("symbolizer") {
  TEST_CASE("a file that ends with this kernel's build-id will ask for its names") {
    const std::string id = own_build_id();
    if (id.empty()) return;  // kernels can be built without one
    const Folder folder;
    const auto mentions = [&](const std::string& contents) {
      const std::string path = folder / "capture";
      REQUIRE(write_file_atomically(path, contents, Overwrite::kAllow));
      return mentions_running_kernel(path);
    };
    CHECK(mentions(std::string(300'000, 'x') + id + std::string(1000, 'y')));
    CHECK_FALSE(mentions(id + std::string(300'000, 'x')));
    CHECK_FALSE(mentions(std::string(300'000, 'x')));
    CHECK_FALSE(mentions(""));
    CHECK_FALSE(mentions_running_kernel(folder / "none"));
    CHECK_FALSE(mentions_running_kernel(folder.path()));
  }

  TEST_CASE("the kernel's names are the same whoever reads them, and each time") {
    const auto direct = read_kernel_symbols();
    RunningKernel kernel;
    for (int i = 0; i < 2; ++i) {
      const auto symbols = kernel.take();
      REQUIRE(symbols.has_value() == direct.has_value());
      if (direct) CHECK(symbols->text_start == direct->text_start);
      if (direct) CHECK(symbols->hidden == direct->hidden);
    }
  }
}
