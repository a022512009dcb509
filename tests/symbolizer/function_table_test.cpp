#include "symbolizer/function_table.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "src/base/file.h"
#include "symbolizer/kernel_symbols.h"

namespace pgflame::symbolizer {
namespace {

TEST_SUITE_BEGIN("symbolizer");

TEST_CASE("the compiler's suffixes lead back to the function that was cloned or split") {
  CHECK(without_clone_suffix("f") == "f");
  CHECK(without_clone_suffix("f.cold") == "f");
  CHECK(without_clone_suffix("f.part.3.cold") == "f");
  CHECK(without_clone_suffix("f.constprop.0.isra.1") == "f");
  CHECK(without_clone_suffix(".cold") == ".cold");
}

TEST_CASE("kallsyms gives every function the room up to the next one") {
  const KernelSymbols kernel = parse_kallsyms(
      "ffffffff81000000 T _text\n"
      "ffffffff81000000 T startup_64\n"
      "ffffffff81000100 t do_syscall_64\n"
      "ffffffff81000180 D some_data\n"
      "ffffffff81000200 T _etext\n"
      "ffffffffc0000000 t ext4_sync_file\t[ext4]\n"
      "nonsense\n");
  CHECK_FALSE(kernel.hidden);
  CHECK(kernel.text_start == 0xffffffff81000000);
  const FunctionRange* found = kernel.table.find(0xffffffff8100017f);
  REQUIRE(found != nullptr);
  CHECK(found->name == "do_syscall_64");
  CHECK(kernel.table.find(0xffffffff81000183) == nullptr);
  CHECK(kernel.table.find(0xffffffff81000010)->name == "startup_64");
  CHECK(kernel.table.find(0xffffffff80ffffff) == nullptr);
  CHECK(kernel.table.find(0xffffffffc0000004)->name == "ext4_sync_file");
  KernelSymbols proper = std::move(kernel);
  proper.drop_modules();
  CHECK(proper.table.find(0xffffffff8100017f) != nullptr);
  CHECK(proper.table.find(0xffffffffc0000004) == nullptr);
}

TEST_CASE("no kernel function reaches into a gap or another module") {
  const KernelSymbols kernel = parse_kallsyms(
      "0000000000000000 A fixed_percpu_data\n"
      "0000000000001000 A cpu_debug_store\n"
      "ffffffff81000000 T _stext\n"
      "ffffffff81000000 T _text\n"
      "ffffffff81000000 T startup_64\n"
      "ffffffff81400000 t last_of_kernel\n"
      "ffffffff81400080 T __sched_text_end\n"
      "ffffffff81401000 T _etext\n"
      "ffffffff81800000 R __start_rodata\n"
      "ffffffff82000000 T _sinittext\n"
      "ffffffff82000000 t late_init\n"
      "ffffffff82000100 T _einittext\n"
      "ffffffffc0000000 t ext4_sync_file\t[ext4]\n"
      "ffffffffc0000100 d ext4_data\t[ext4]\n"
      "ffffffffc0000800 t ext4_last\t[ext4]\n"
      "ffffffffc0200000 t veth_xmit\t[veth]\n"
      "ffffffffc1000000 t bpf_prog_6deef7357e7b4530_walk\t[bpf]\n"
      "ffffffffc1002000 t bpf_trampoline_42\t[bpf]\n");
  struct Case {
    uint64_t address;
    std::string_view name;  // empty: none
  };
  const Case cases[] = {
      {0x1004, ""},
      {0xffffffff81000000, "startup_64"},
      {0xffffffff8103ffff, "startup_64"},
      {0xffffffff81100000, ""},  // a megabyte further
      {0xffffffff8140007f, "last_of_kernel"},
      {0xffffffff81400080, ""},
      {0xffffffff81401010, ""},
      {0xffffffff82000010, "late_init"},
      {0xffffffff82000100, ""},
      {0xffffffffc00000ff, "ext4_sync_file"},
      {0xffffffffc0000100, ""},
      {0xffffffffc00017ff, "ext4_last"},
      {0xffffffffc0001800, ""},
      {0xffffffffc0200fff, "veth_xmit"},
      {0xffffffffc0201000, ""},
      {0xffffffffc1001fff, "bpf_prog_6deef7357e7b4530_walk"},
      {0xffffffffc1002fff, "bpf_trampoline_42"},
      {0xffffffffc1013000, ""},
  };
  for (const Case& row : cases) {
    CAPTURE(row.address);
    const FunctionRange* range = kernel.table.find(row.address);
    CHECK((range == nullptr ? std::string_view() : range->name) == row.name);
  }
}

TEST_CASE("few lines of kallsyms name an address as all of them do") {
  const std::string proper =
      "0000000000000000 A fixed_percpu_data\n"
      "0000000000001000 A cpu_debug_store\n"
      "ffffffff81000000 T _stext\n"
      "ffffffff81000000 T _text\n"
      "ffffffff81000000 T startup_64\n"
      "ffffffff81000100 t __do_it\n"
      "ffffffff81000100 t do_it\n"
      "ffffffff81000100 d its_data\n"
      "ffffffff81000180 D some_data\n"
      "ffffffff81001190 t long_one\n"
      "ffffffff81040010 T __sched_text_end\n"
      "ffffffff81050000 D more_data\n"
      "ffffffff81060000 t last_one\n"
      "ffffffff81070000 R __start_rodata\n";
  const std::string modules = "ffffffffc0000000 t ext4_sync_file\t[ext4]\n";
  CHECK(kernel_proper(proper + modules) == proper);
  CHECK(kernel_proper(proper) == proper);
  CHECK(kernel_proper("").empty());
  const KernelSymbols all = parse_kallsyms(proper + modules);
  for (uint64_t address = 0xffffffff80fffff0; address < 0xffffffff81070010; address += 8) {
    CAPTURE(address);
    const KernelSymbols few = parse_kallsyms(lines_about(proper, std::array{address}));
    const FunctionRange* expected = all.table.find(address);
    const FunctionRange* range = few.table.find(address);
    REQUIRE((range == nullptr) == (expected == nullptr));
    if (range != nullptr) CHECK(range->name == expected->name);
    if (range != nullptr) CHECK(range->entry == expected->entry);
    CHECK(few.text_start == all.text_start);
  }
  CHECK(lines_about(proper, std::array<uint64_t, 1>{0}) == "ffffffff81000000 T _text\n");
  CHECK(lines_about("", std::array<uint64_t, 1>{8}).empty());
}

TEST_CASE(
    "lines about many addresses are no more than there are, however far the next function is") {
  std::string proper = "ffffffff81000000 T _text\nffffffff81000000 T first\n";
  std::vector<uint64_t> addresses;
  for (uint64_t i = 1; i <= 2000; ++i) {
    const uint64_t address = 0xffffffff81000000 + i * 16;
    proper += fmt::format("{:x} d datum{}\n", address, i);
    addresses.push_back(address + 8);
  }
  proper += "ffffffff81100000 T second\nffffffff81100010 T third\n";
  addresses.push_back(0xffffffff81100004);
  const std::string lines = lines_about(proper, addresses);
  CHECK(lines.size() <= proper.size() + 100);
  const KernelSymbols some = parse_kallsyms(lines);
  CHECK(some.table.find(addresses[1000]) == nullptr);
  REQUIRE(some.table.find(addresses.back()) != nullptr);
  CHECK(some.table.find(addresses.back())->name == "second");
}

TEST_CASE("kallsyms full of zeros is recognised as hidden") {
  CHECK(parse_kallsyms("0000000000000000 T _text\n0000000000000000 t do_fork\n").hidden);
}

TEST_CASE("the functions of this very program are found by their own addresses") {
  const auto file = MappedFile::open("/proc/self/exe");
  REQUIRE(file);
  const auto image = ElfImage::parse(file->bytes());
  REQUIRE(image);
  const auto table = FunctionTable::from_image(*image, function_bounds(*image));
  constexpr std::array<std::string_view, 4> kParts{".cold", ".part.", ".isra.", ".constprop."};
  size_t checked = 0;
  for (const ElfSymbol& symbol : image->symbols(".symtab")) {
    if (!symbol.is_code() || !symbol.defined() || symbol.size == 0) continue;
    const FunctionRange* range = table.find(symbol.address + symbol.size - 1);
    REQUIRE(range != nullptr);
    // A part that the compiler split off belongs to its function, wherever it was put.
    const bool is_part = std::ranges::any_of(kParts, [&](std::string_view part) {
      return symbol.name.find(part) != std::string_view::npos;
    });
    if (is_part) {
      const FunctionRange* whole = table.find(range->entry);
      REQUIRE(whole != nullptr);
      CHECK(whole->entry == range->entry);
    } else {
      CHECK(range->entry == symbol.address);
    }
    ++checked;
  }
  CHECK(checked > 1000);
}

TEST_SUITE_END();

}  // namespace
}  // namespace pgflame::symbolizer
