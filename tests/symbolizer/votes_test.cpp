#include "symbolizer/recovery/votes.h"

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace pgflame::symbolizer {
namespace {

constexpr uint32_t kExported = 10;  // functions, before the one in question

// Exported functions of the size, and one static function.
Program program(uint32_t size, const char* static_name) {
  Program made;
  for (uint32_t i = 0; i < kExported; ++i) {
    ProgramFunction& function = made.functions.emplace_back();
    function.start = 0x1000 + i * 0x100;
    function.size = size;
    function.exported = true;
    function.name = "exported_" + std::to_string(i);
  }
  ProgramFunction& last = made.functions.emplace_back();
  last.start = 0x1000 + kExported * 0x100;
  last.size = size;
  last.name = static_name;
  return made;
}

// Of the same major; `bits`: for the static function being its own, 0: it says nothing of that.
Testimony testimony(uint32_t size, float bits) {
  Testimony made{.major = 15,
                 .same_major = true,
                 .older = false,
                 .graph = ReferenceGraph(program(size, "helper")),
                 .matches = {}};
  for (uint32_t i = 0; i < kExported; ++i)
    made.matches.push_back({.reference = i, .by_name = true});
  made.matches.push_back({.reference = bits > 0 ? kExported : kNoFunction, .bits = bits});
  return made;
}

// The name of the static function of a program whose functions have 100 bytes.
std::string name_by(std::vector<Testimony> testimonies, Machine machine = Machine::kX8664) {
  Program target = program(100, "");
  target.machine = machine;
  return judge(target, IncomingFacts(target), testimonies).back().name;
}

std::vector<Testimony> both(Testimony one, Testimony other) {
  std::vector<Testimony> testimonies;
  testimonies.push_back(std::move(one));
  testimonies.push_back(std::move(other));
  return testimonies;
}

TEST_SUITE_BEGIN("symbolizer");

TEST_CASE("a lone witness must say more when no reference was built like the program") {
  CHECK(name_by(both(testimony(200, 15), testimony(300, 0))).empty());
  CHECK(name_by(both(testimony(200, 25), testimony(300, 0))) == "helper");
  CHECK(name_by(both(testimony(200, 15), testimony(300, 15))) == "helper");
}

TEST_CASE("a lone witness needs no more where a reference was built like the program") {
  CHECK(name_by(both(testimony(100, 15), testimony(300, 0))) == "helper");
  CHECK(name_by(both(testimony(200, 15), testimony(100, 0))) == "helper");
}

TEST_CASE("a lone witness needs no more on a machine that no reference was built for") {
  CHECK(name_by(both(testimony(200, 15), testimony(300, 0)), Machine::kAarch64) == "helper");
}

TEST_CASE("the only reference of a major needs no other to agree with it") {
  std::vector<Testimony> one;
  one.push_back(testimony(200, 15));
  CHECK(name_by(std::move(one)) == "helper");
}

TEST_SUITE_END();

}  // namespace
}  // namespace pgflame::symbolizer
