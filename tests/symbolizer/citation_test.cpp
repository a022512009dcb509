#include "symbolizer/recovery/citation.h"

#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "symbolizer/recovery/program.h"
#include "tests/support/small_elf.h"

namespace pgflame::symbolizer {
namespace {

using namespace small_elf;

// `user` refers to the data at kData: a number and the address of `inside`; behind them begins
// another object, which a pointer leads to, with the address of `behind`.
Program program_with_two_tables() {
  Bytes code{0xbf, 0x00, 0x20, 0x40, 0x00};  // mov $kData,%edi
  code.resize(48, 0x90);
  const Bytes bytes =
      small_elf::program(ET_EXEC, code, words({0, kText + 16, kText + 32, kData + 16}));
  const auto image = ElfImage::parse(bytes);
  REQUIRE(image);
  const auto table = FunctionTable::from_symbols(
      {{.start = kText, .end = kText + 16, .entry = kText, .name = "user"},
       {.start = kText + 16, .end = kText + 32, .entry = kText + 16},
       {.start = kText + 32, .end = kText + 48, .entry = kText + 32}});
  return read_program(*image, table);
}

TEST_SUITE_BEGIN("symbolizer");

TEST_CASE("a function behind a table is matched by it, but not said to be in it") {
  const Program program = program_with_two_tables();
  const std::vector<Fact> wanted{{FactKind::kVia, 1, 8}, {FactKind::kVia, 2, 16}};
  const auto facts = program.facts_of(0);
  CHECK(std::vector(facts.begin(), facts.end()) == wanted);

  Program reference = program;
  reference.functions[1].name = "inside";
  reference.functions[2].name = "behind";
  std::vector<Testimony> testimonies;
  testimonies.push_back({.major = 15,
                         .same_major = true,
                         .older = false,
                         .graph = ReferenceGraph(std::move(reference)),
                         .matches = {{.reference = 0}, {.reference = 1}, {.reference = 2}}});
  std::vector<Verdict> verdicts(3);
  verdicts[1] = {.name = "inside", .file = {}, .evidence = "x", .tier = NameTier::kRecovered};
  verdicts[2] = {.name = "behind", .file = {}, .evidence = "x", .tier = NameTier::kRecovered};
  cite_facts(program, IncomingFacts(program), testimonies, verdicts);
  CHECK(verdicts[1].evidence == "in a table of user, x");
  CHECK(verdicts[2].evidence == "x");
}

TEST_SUITE_END();

}  // namespace
}  // namespace pgflame::symbolizer
