#include "symbolizer/list_symbols.h"

#include <algorithm>
#include <string_view>

#include <doctest/doctest.h>

#include "src/base/file.h"
#include "tests/support/folder.h"
#include "tests/support/small_elf.h"

namespace pgflame::symbolizer {
namespace {

TEST_SUITE_BEGIN("symbolizer");

TEST_CASE("a listing says how much code is in no function, and that nothing tells where they are") {
  const Folder folder;
  const auto bytes = small_elf::program(ET_EXEC, small_elf::Bytes(48, 0x90), {});
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  REQUIRE(write_file_atomically(folder / "program", text, Overwrite::kRefuse));
  const auto listing = list_symbols(folder / "program", {});
  REQUIRE(listing);
  CHECK(listing->code_bytes == 48);
  CHECK(listing->unknown_bytes == 48);
  CHECK(listing->no_unwind);
}

TEST_CASE("nearly all code of this very program is in known functions") {
  const auto listing = list_symbols("/proc/self/exe", {});
  REQUIRE(listing);
  CHECK(listing->code_bytes > 1'000'000);
  CHECK(listing->unknown_bytes < listing->code_bytes / 10);
  CHECK_FALSE(listing->no_unwind);
}

TEST_CASE("functions without a name say which package has it") {
  Options options;
  options.recover = false;
  const auto listing = list_symbols("/usr/lib/postgresql/15/bin/postgres", options);
  REQUIRE(listing);
  const auto unnamed = std::ranges::find(listing->symbols, NameTier::kNone, &ListedSymbol::tier);
  REQUIRE(unnamed != listing->symbols.end());
  CHECK(unnamed->evidence.ends_with("install postgresql-15-dbgsym for its name"));
  const auto exported =
      std::ranges::find(listing->symbols, NameTier::kExported, &ListedSymbol::tier);
  REQUIRE(exported != listing->symbols.end());
  CHECK(exported->evidence.find("dbgsym") == std::string::npos);
}

TEST_SUITE_END();

}  // namespace
}  // namespace pgflame::symbolizer
