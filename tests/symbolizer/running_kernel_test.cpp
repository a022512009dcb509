#include "symbolizer/running_kernel.h"

#include <charconv>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "src/base/file.h"
#include "src/base/kept_file.h"
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
    if (!direct || direct->hidden) return;
    const Folder folder;
    const auto& ranges = direct->table.ranges();
    const std::vector<uint64_t> addresses{ranges.front().start, ranges.at(ranges.size() / 2).start};
    const auto check = [&](RunningKernel& kernel) {
      const auto symbols = kernel.take(addresses);
      REQUIRE(symbols);
      CHECK(symbols->text_start == direct->text_start);
      CHECK_FALSE(symbols->hidden);
      for (const uint64_t address : addresses) {
        REQUIRE(symbols->table.find(address) != nullptr);
        CHECK(symbols->table.find(address)->name == direct->table.find(address)->name);
      }
    };
    const std::string kept = folder / ("kernel-" + build_id_of_running_kernel()).c_str();
    RunningKernel first(folder.path());
    check(first);
    check(first);
    REQUIRE(read_file(kept));
    RunningKernel second(folder.path());
    check(second);
    // What was kept is what is read, from a file that nobody else could have written.
    const std::string name(direct->table.find(addresses[1])->name);
    std::string lines = read_kept_file(kept, "pgflame-kernel 1\n").value_or("");
    const size_t at = lines.find(' ' + name + '\n');
    REQUIRE(at != std::string::npos);
    lines.replace(at + 1, name.size(), std::string(name.size(), 'x'));
    write_kept_file(kept, "pgflame-kernel 1\n", lines);
    CHECK(std::filesystem::status(kept).permissions() == std::filesystem::perms(0600));
    const auto renamed = RunningKernel(folder.path()).take(addresses);
    REQUIRE(renamed);
    CHECK(renamed->table.find(addresses[1])->name == std::string(name.size(), 'x'));
    std::filesystem::permissions(kept, std::filesystem::perms(0620));
    RunningKernel doubtful(folder.path());
    check(doubtful);
    // Of a kernel at another place, and of nothing that this program wrote.
    for (const std::string_view other : {"ffffffff80100000 T _text\n", "\n\t\n"}) {
      write_kept_file(kept, "pgflame-kernel 1\n", other);
      RunningKernel third(folder.path());
      check(third);
    }
    RunningKernel none("");
    check(none);
  }

  TEST_CASE("what is in no function of the kernel proper is looked for among all of them") {
    const auto direct = read_kernel_symbols();
    if (!direct || direct->hidden) return;
    const Folder folder;
    RunningKernel(folder.path()).take({});
    const std::vector<uint64_t> addresses{1};
    const auto symbols = RunningKernel(folder.path()).take(addresses);
    REQUIRE(symbols);
    CHECK(symbols->table.ranges().size() >= direct->table.ranges().size() / 2);
  }
}
