#include <array>
#include <random>

#include <doctest/doctest.h>

#include "symbolizer/recovery/decoders.h"
#include "symbolizer/recovery/instruction_x86_64.h"

namespace pgflame::symbolizer {
namespace {

using Kind = CodeReference::Kind;

TEST_SUITE_BEGIN("symbolizer");

TEST_CASE("A64 code names addresses by page and offset, constants by halves, fields by scale") {
  constexpr std::array<uint32_t, 18> words{
      0xf0000000,  // adrp x0, 3 pages ahead
      0x9104a000,  // add x0, x0, #0x128
      0x94000800,  // bl 0x2000 ahead
      0x34004001,  // cbz w1, 0x800 ahead
      0x34ffffc1,  // cbz w1, 8 back: inside
      0xb0000023,  // adrp x3, 5 pages ahead
      0xf9402063,  // ldr x3, [x3, #0x40]
      0xb9402e62,  // ldr w2, [x19, #0x2c]
      0xa9431684,  // ldp x4, x5, [x20, #0x30]
      0xf94023e6,  // ldr x6, [sp, #0x40]
      0x528acf07,  // mov w7, #0x5678
      0x72a24687,  // movk w7, #0x1234, lsl #16
      0x7110011f,  // cmp w8, #0x400
      0x72181d3f,  // tst w9, #0xff00
      0x910182a0,  // add x0, x21, #0x60
      0x528000a1,  // mov w1, #5
      0x37188001,  // tbnz w1, #3, 0x1000 ahead
      0x14001000,  // b 0x4000 ahead
  };
  const auto* const bytes = reinterpret_cast<const uint8_t*>(words.data());
  const auto found = decode_aarch64({bytes, sizeof words}, 0x10000);
  const std::vector<CodeReference> wanted{{Kind::kAddress, 0x13128},
                                          {Kind::kCall, 0x12008},
                                          {Kind::kBranch, 0x1080c},
                                          {Kind::kLoad, 0x15040},
                                          {Kind::kField, 0x2c},
                                          {Kind::kField, 0x30},
                                          {Kind::kField, 0x38},
                                          {Kind::kConstant, 0x12345678},
                                          {Kind::kConstant, 0x400},
                                          {Kind::kConstant, 0xff00},
                                          {Kind::kField, 0x60},
                                          {Kind::kBranch, 0x11040},
                                          {Kind::kJump, 0x14044}};
  REQUIRE(found.size() == wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i].kind == wanted[i].kind);
    CHECK(found[i].target == wanted[i].target);
  }
  CHECK(decode_aarch64({bytes, 3}, 0x10000).empty());
}

TEST_CASE("x86-64's common instructions are read as the full decoder reads them") {
  std::mt19937 random(1);
  std::array<uint8_t, 16> code{};
  size_t common = 0;
  size_t different = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    for (uint8_t& byte : code)
      byte = static_cast<uint8_t>(random());
    // Half of them begin with a REX prefix or an escape, as compiled code does.
    if (i % 4 == 0) code[0] = static_cast<uint8_t>(0x40 | (code[0] & 0xf));
    if (i % 8 < 2) code[i % 4 == 0 ? 1 : 0] = 0x0f;
    const auto found = read_common_instruction(code);
    if (!found) continue;
    ++common;
    if (found != read_instruction(code)) ++different;
  }
  CHECK(common > 300'000);
  CHECK(different == 0);
  CHECK(!read_common_instruction(std::span(code).first(15)));
}

TEST_SUITE_END();

}  // namespace
}  // namespace pgflame::symbolizer
