#include <cstring>
#include <filesystem>
#include <functional>
#include <string>

#include <sys/stat.h>

#include <doctest/doctest.h>

#include "src/base/file.h"
#include "symbolizer/unwind/table_cache.h"
#include "tests/support/folder.h"

using namespace pgflame;
using namespace pgflame::unwind;
namespace fs = std::filesystem;

namespace {

Table small_table() {
  Rule rule{};
  rule.cfa = PGF_CFA_SP;
  rule.cfa_offset = 8;
  Table table;
  table.base = 0x1000;
  table.rules = {Rule{}, rule};
  table.rows = {{0, 1, 0}, {16, PGF_RULE_NONE, 0}};
  return table;
}

void check_same(const Table& a, const Table& b) {
  CHECK(a.base == b.base);
  CHECK(a.covered_bytes == b.covered_bytes);
  CHECK(a.frame_pointer_bytes == b.frame_pointer_bytes);
  CHECK(packed(a, 0) == packed(b, 0));
}

ElfImage own_image() {
  auto image = ElfImage::open("/proc/self/exe");
  REQUIRE(image);
  REQUIRE_FALSE(image->build_id().empty());
  return std::move(*image);
}

}  // namespace

TEST_SUITE("symbolizer") {
  TEST_CASE("a table is compiled once and then read from the cache") {
    const Folder folder;
    const std::string below = folder.path() + "/made/on/demand";
    const ElfImage image = own_image();
    const Table compiled = compile_table(image);
    check_same(cached_table(image, below), compiled);
    const std::string path = cached_table_path(below, image.build_id());
    REQUIRE(fs::is_regular_file(path));
    check_same(cached_table(image, below), compiled);
    // What is in the file is what is returned.
    const std::string other = packed(small_table(), fingerprint(image));
    REQUIRE(write_file_atomically(path, other, Overwrite::kAllow));
    check_same(cached_table(image, below), small_table());
  }

  TEST_CASE("a cached table that is broken, foreign or of another compilation is made anew") {
    const Folder folder;
    const ElfImage image = own_image();
    const Table compiled = compile_table(image);
    const std::string path = cached_table_path(folder.path(), image.build_id());
    const std::string good = packed(compiled, fingerprint(image));
    std::string older = good;
    older[0] = 'P';
    for (const std::string& bytes : {std::string(),
                                     good.substr(0, good.size() - 1),
                                     good + '\0',
                                     older,
                                     packed(compiled, fingerprint(image) + 1)}) {
      REQUIRE(write_file_atomically(path, bytes, Overwrite::kAllow));
      check_same(cached_table(image, folder.path()), compiled);
      CHECK(*read_file(path) == good);
    }
  }

  TEST_CASE("nothing but a regular file is read as a cached table, and nothing is waited for") {
    const ElfImage image = own_image();
    const Table compiled = compile_table(image);
    const Folder elsewhere;
    const std::string target = elsewhere.path() + "/target";
    REQUIRE(write_file_atomically(
        target, packed(small_table(), fingerprint(image)), Overwrite::kAllow));
    const std::vector<std::function<void(const std::string&)>> obstacles{
        [](const std::string& path) { ::mkfifo(path.c_str(), 0600); },
        [](const std::string& path) { fs::create_directory(path); },
        [&](const std::string& path) { fs::create_symlink(target, path); }};
    for (const auto& put : obstacles) {
      const Folder folder;
      put(cached_table_path(folder.path(), image.build_id()));
      check_same(cached_table(image, folder.path()), compiled);
    }
    check_same(cached_table(image, "/dev/null/nowhere"), compiled);
    check_same(cached_table(image, ""), compiled);
  }

  TEST_CASE("unpacked tables keep what lookups rely on, whatever the bytes") {
    const Table table = small_table();
    REQUIRE(unpacked(packed(table, 1), 1));
    CHECK_FALSE(unpacked(packed(table, 1), 2));
    const std::vector<std::function<void(Table&)>> breakages{
        [](Table& t) { t.rows.clear(); },
        [](Table& t) { t.rules.clear(); },
        [](Table& t) { t.rows[0].rule = 2; },
        [](Table& t) { t.rows[0].pc = 16; },
        [](Table& t) { t.rows[1].rule = 1; },
        [](Table& t) { t.rules[0].cfa = PGF_CFA_SP; },
        [](Table& t) { t.rules.resize(PGF_MAX_RULES + 1); }};
    for (const auto& breakage : breakages) {
      Table broken = table;
      breakage(broken);
      CHECK_FALSE(unpacked(packed(broken, 1), 1));
    }
  }

  TEST_CASE("every bit of a packed table counts") {
    const std::string good = packed(small_table(), 1);
    for (size_t size = 0; size < good.size(); ++size)
      CHECK_FALSE(unpacked(good.substr(0, size), 1));
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
      std::string flipped = good;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      CHECK_FALSE(unpacked(flipped, 1));
    }
  }
}
