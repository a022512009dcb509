// Files that are linked to fixed addresses: the linker fills addresses in and leaves no relocation.
#include <vector>

#include <doctest/doctest.h>

#include "symbolizer/elf_image.h"
#include "symbolizer/recovery/decoders.h"
#include "tests/support/small_elf.h"

namespace pgflame::symbolizer {
namespace {

using Kind = CodeReference::Kind;

using namespace small_elf;

std::vector<CodeReference> references(uint16_t type, const Bytes& code) {
  const Bytes bytes = program(type, code, words({0, 0, 0}));
  const auto image = ElfImage::parse(bytes);
  REQUIRE(image);
  return decode_x86_64(*image, code, kText);
}

void check_same(const std::vector<CodeReference>& found, const std::vector<CodeReference>& wanted) {
  REQUIRE(found.size() == wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i].kind == wanted[i].kind);
    CHECK(found[i].target == wanted[i].target);
  }
}

// Every form twice or so: with an address, and with a number that is none.
const Bytes kCode{
    0xbf, 0x08, 0x20, 0x40, 0x00,                                      // mov $0x402008,%edi
    0xbf, 0x10, 0x20, 0x50, 0x00,                                      // mov $0x502010,%edi
    0x48, 0xc7, 0x40, 0x20, 0x04, 0x10, 0x40, 0x00,                    // movq $0x401004,0x20(%rax)
    0xc7, 0x40, 0x24, 0x04, 0x10, 0x40, 0x00,                          // movl $0x401004,0x24(%rax)
    0x68, 0x00, 0x30, 0x40, 0x00,                                      // push $0x403000
    0x48, 0x81, 0x78, 0x18, 0x08, 0x20, 0x40, 0x00,                    // cmpq $0x402008,0x18(%rax)
    0x48, 0x3d, 0x08, 0x20, 0x40, 0x00,                                // cmp $0x402008,%rax
    0x3d, 0x08, 0x20, 0x40, 0x00,                                      // cmp $0x402008,%eax
    0x48, 0x05, 0x00, 0x20, 0x40, 0x00,                                // add $0x402000,%rax
    0xa9, 0x00, 0x20, 0x40, 0x00,                                      // test $0x402000,%eax
    0x48, 0x8b, 0x04, 0xc5, 0x00, 0x20, 0x40, 0x00,                    // mov 0x402000(,%rax,8),%rax
    0x8b, 0x83, 0x08, 0x20, 0x40, 0x00,                                // mov 0x402008(%rbx),%eax
    0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,  // nop
    0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,  // nop
};

TEST_SUITE_BEGIN("symbolizer");

TEST_CASE("words of data in a file for fixed addresses are pointers when a section lies there") {
  const Bytes contents = words({kText + 4, 7, kText - 1, kBss + 0xff, kPastBss, kData, ~0ULL});
  const Bytes fixed = program(ET_EXEC, contents, contents);
  const auto image = ElfImage::parse(fixed);
  REQUIRE(image);
  const std::vector<ElfPointer> found = image->pointers();
  REQUIRE(found.size() == 3);
  CHECK(found[0].slot == kData);
  CHECK(found[0].target == kText + 4);
  CHECK(found[1].slot == kData + 24);
  CHECK(found[1].target == kBss + 0xff);
  CHECK(found[2].slot == kData + 40);
  CHECK(found[2].target == kData);
}

TEST_CASE("words of data in a file that is moved on loading are no pointers") {
  const Bytes contents = words({kText + 4, kBss, kData});
  const Bytes moved = program(ET_DYN, contents, contents);
  const auto image = ElfImage::parse(moved);
  REQUIRE(image);
  CHECK(image->pointers().empty());
  CHECK_FALSE(image->is_fixed_address(kText));
}

TEST_CASE(
    "sections that all claim the same large data are read up to a limit, and its words once") {
  constexpr size_t kWords = 10'000;
  Bytes contents;
  for (size_t i = 0; i < kWords; ++i)
    put(contents, kData);
  const auto pointers_of = [&](uint64_t apart) {
    std::vector<Elf64_Shdr> sections;
    for (uint64_t i = 0; i < 1000; ++i)
      sections.push_back(section(SHT_PROGBITS, SHF_ALLOC, kData + i * apart, contents.size()));
    const Bytes bytes = file(ET_EXEC, sections, contents);
    const auto image = ElfImage::parse(bytes);
    REQUIRE(image);
    return image->pointers().size();
  };
  CHECK(pointers_of(contents.size()) == 2'000'000);
  CHECK(pointers_of(0) == kWords);
}

TEST_CASE("code for fixed addresses takes them by immediates and indexes data by displacement") {
  check_same(references(ET_EXEC, kCode),
             {{Kind::kAddress, 0x402008},
              {Kind::kConstant, 0x502010},
              {Kind::kField, 0x20},
              {Kind::kAddress, 0x401004},
              {Kind::kField, 0x24},
              {Kind::kConstant, 0x401004},
              {Kind::kAddress, 0x403000},
              {Kind::kField, 0x18},
              {Kind::kAddress, 0x402008},
              {Kind::kAddress, 0x402008},
              {Kind::kConstant, 0x402008},
              {Kind::kAddress, 0x402000},
              {Kind::kConstant, 0x402000},
              {Kind::kLoad, 0x402000},
              {Kind::kLoad, 0x402008}});
}

TEST_CASE("immediates of position-independent code are numbers") {
  for (const CodeReference& reference : references(ET_DYN, kCode)) {
    CAPTURE(reference.target);
    const bool number = reference.kind == Kind::kConstant || reference.kind == Kind::kField;
    CHECK(number);
  }
}

TEST_SUITE_END();

}  // namespace
}  // namespace pgflame::symbolizer
