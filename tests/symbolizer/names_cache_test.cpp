#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "src/base/file.h"
#include "symbolizer/recovery/cache.h"
#include "tests/support/folder.h"

namespace pgflame::symbolizer {
namespace {

constexpr const char* kBuild = "0123abcd";

FunctionTable without_names() {
  return FunctionTable::from_symbols({{.start = 0x1000, .end = 0x1100, .entry = 0x1000},
                                      {.start = 0x1100, .end = 0x1180, .entry = 0x1100},
                                      {.start = 0x1180, .end = 0x1200, .entry = 0x1180},
                                      {.start = 0x1200, .end = 0x1300, .entry = 0x1200}});
}

// A recovered function, one that is placed, the split part of a nameless one and one that nothing
// is known of.
FunctionTable with_names() {
  FunctionTable table = without_names();
  auto& ranges = table.ranges();
  ranges[0].name = "ExecScan";
  ranges[0].file = "execScan.c";
  ranges[0].evidence = "tab\there";
  ranges[0].tier = NameTier::kRecovered;
  ranges[1].name = "nbtsearch.c:static+0x40";
  ranges[1].file = "nbtsearch.c";
  ranges[1].tier = NameTier::kPlaced;
  ranges[2].entry = 0x1200;
  return table;
}

void check_same(const FunctionTable& a, const FunctionTable& b) {
  REQUIRE(a.ranges().size() == b.ranges().size());
  for (size_t i = 0; i < a.ranges().size(); ++i) {
    const FunctionRange& one = a.ranges()[i];
    const FunctionRange& other = b.ranges()[i];
    CHECK(one.start == other.start);
    CHECK(one.entry == other.entry);
    CHECK(one.name == other.name);
    CHECK(one.file == other.file);
    CHECK(one.evidence == other.evidence);
    CHECK(one.tier == other.tier);
  }
}

TEST_SUITE_BEGIN("symbolizer");

TEST_CASE("recovered names come back from the cache as they were") {
  const Folder folder;
  const std::string below = folder / "made/on/demand";
  FunctionTable table = without_names();
  CHECK_FALSE(read_cache(below, kBuild, table));
  write_cache(below, kBuild, with_names());
  REQUIRE(read_cache(below, kBuild, table));
  check_same(table, with_names());
  CHECK_FALSE(read_cache(below, "another", table));
  CHECK_FALSE(read_cache(below, "", table));
}

TEST_CASE("a name that a function has by now is kept") {
  const Folder folder;
  write_cache(folder.path(), kBuild, with_names());
  FunctionTable table = without_names();
  table.ranges()[0].name = "FromDebugFile";
  REQUIRE(read_cache(folder.path(), kBuild, table));
  CHECK(table.ranges()[0].name == "FromDebugFile");
  CHECK(table.ranges()[0].file == "execScan.c");
}

TEST_CASE(
    "of a cache that is cut or changed nothing is taken, and one of another table is refused") {
  const Folder folder;
  write_cache(folder.path(), kBuild, with_names());
  const std::string path = folder / "names-0123abcd";
  const std::string good = read_file(path).value();
  std::vector<std::string> broken{"", good + '\0'};
  for (size_t at = 0; at < good.size(); ++at) {
    broken.push_back(good.substr(0, at));
    broken.push_back(good);
    broken.back()[at] = static_cast<char>(broken.back()[at] ^ 0x10);
  }
  for (const std::string& bytes : broken) {
    REQUIRE(write_file_atomically(path, bytes, Overwrite::kAllow));
    FunctionTable table = without_names();
    CHECK_FALSE(read_cache(folder.path(), kBuild, table));
    check_same(table, without_names());
  }
  REQUIRE(write_file_atomically(path, good, Overwrite::kAllow));
  FunctionTable other = FunctionTable::from_symbols({{.start = 0x1000, .end = 0x2000}});
  CHECK_FALSE(read_cache(folder.path(), kBuild, other));
}

TEST_SUITE_END();

}  // namespace
}  // namespace pgflame::symbolizer
