#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <link.h>

#include "src/base/file.h"
#include "symbolizer/address_set.h"
#include "symbolizer/debug_files.h"
#include "symbolizer/function_table.h"
#include "symbolizer/recovery.h"

namespace pgflame::symbolizer {
namespace {

TEST_SUITE_BEGIN("symbolizer");

struct Binary {
  std::string path;
  MappedFile file;
  ElfImage image;
  std::unique_ptr<DebugFile> debug;

  const ElfImage* debug_image() const { return debug == nullptr ? nullptr : &*debug->image; }
};

Binary open_binary(const std::string& path) {
  auto file = MappedFile::open(path);
  REQUIRE(file);
  auto image = ElfImage::parse(file->bytes());
  REQUIRE(image);
  auto debug = unpack_mini_debug_info(*image);
  return {path, std::move(*file), std::move(*image), std::move(debug)};
}

FunctionTable whole_table(const Binary& binary) {
  return FunctionTable::from_image(
      binary.image, function_bounds(binary.image), binary.debug_image());
}

void check_same(const FunctionTable& whole,
                const FunctionTable& few,
                const std::vector<uint64_t>& addresses) {
  size_t different = 0;
  for (const uint64_t address : addresses) {
    const FunctionRange* expected = whole.find(address);
    const FunctionRange* found = few.find(address);
    const bool same = expected == nullptr || found == nullptr
                          ? expected == found
                          : expected->entry == found->entry && expected->name == found->name &&
                                expected->tier == found->tier &&
                                expected->evidence == found->evidence;
    if (!same) ++different;
    CAPTURE(address);
    CAPTURE((expected == nullptr ? "none" : expected->name));
    CAPTURE((found == nullptr ? "none" : found->name));
    if (different == 1 && !same) CHECK(same);
  }
  CHECK(different == 0);
}

std::vector<uint64_t> random_addresses(const ElfImage& image, size_t count) {
  std::mt19937_64 random(1);
  std::vector<uint64_t> addresses;
  for (const ElfSection& section : image.sections()) {
    if (!section.executable() || section.size == 0) continue;
    std::uniform_int_distribution<uint64_t> anywhere(0, section.size);
    for (size_t i = 0; i < count; ++i)
      addresses.push_back(section.address + anywhere(random));
  }
  return addresses;
}

std::vector<uint64_t> edges_of(const FunctionTable& table, size_t step) {
  std::vector<uint64_t> addresses;
  for (size_t i = 0; i < table.ranges().size(); i += step) {
    const FunctionRange& range = table.ranges()[i];
    addresses.insert(addresses.end(), {range.start, range.start - 1, range.end - 1, range.end});
  }
  return addresses;
}

std::vector<std::string> loaded_libraries() {
  std::vector<std::string> paths;
  const auto add = [](dl_phdr_info* library, size_t, void* rows) {
    if (library->dlpi_name[0] == '/')
      static_cast<std::vector<std::string>*>(rows)->emplace_back(library->dlpi_name);
    return 0;
  };
  ::dl_iterate_phdr(add, &paths);
  return paths;
}

TEST_CASE("a set of addresses tells the first one behind any other") {
  const std::vector<std::vector<uint64_t>> sets{
      {}, {0}, {7}, {UINT64_MAX, 0, 5}, {4096, 4095, 4097, 4096, 70000, 1U << 30}};
  for (const auto& addresses : sets) {
    const AddressSet set(addresses);
    auto sorted = addresses;
    std::ranges::sort(sorted);
    CHECK(set.addresses().size() <= sorted.size());
    for (const uint64_t near : {uint64_t{0},
                                uint64_t{7},
                                uint64_t{4096},
                                uint64_t{70000},
                                uint64_t{1} << 30,
                                UINT64_MAX - 1}) {
      for (const uint64_t start : {near - 1, near, near + 1}) {
        CAPTURE(start);
        const auto expected = std::ranges::lower_bound(sorted, start);
        const size_t found = set.first_from(start);
        REQUIRE((found == set.addresses().size()) == (expected == sorted.end()));
        if (expected == sorted.end()) continue;
        CHECK(set.addresses()[found] == *expected);
        CHECK(set.has_any_in(start, *expected - start + 1));
        CHECK_FALSE(set.has_any_in(start, *expected - start));
      }
    }
  }
}

TEST_CASE("few names of a library are those that all of them are for the same addresses") {
  std::vector<std::string> paths = loaded_libraries();
  REQUIRE_FALSE(paths.empty());
  paths.insert(paths.end(), {"/proc/self/exe", PGFLAME_ODD_FUNCTIONS});
  size_t compared = 0;
  for (const std::string& path : paths) {
    CAPTURE(path);
    const Binary binary = open_binary(path);
    const FunctionTable whole = whole_table(binary);
    for (const size_t count : {size_t{3}, size_t{1000}}) {
      auto addresses = random_addresses(binary.image, count);
      const auto edges = edges_of(whole, count == 3 ? 1000 : 7);
      addresses.insert(addresses.end(), edges.begin(), edges.end());
      const auto few = FunctionTable::from_image_at(binary.image, addresses, binary.debug_image());
      if (!few) continue;  // it has no search table, or not of all functions
      ++compared;
      check_same(whole, *few, addresses);
      if (count == 3) CHECK(few->ranges().size() <= whole.ranges().size());
    }
  }
  CHECK(compared > paths.size());  // of twice as many
}

TEST_CASE("few names are the same for nested, overlapping, unsized and split functions") {
  const Binary binary = open_binary(PGFLAME_ODD_FUNCTIONS);
  const FunctionTable whole = whole_table(binary);
  const auto& ranges = whole.ranges();
  const auto begin = std::ranges::find(ranges, "pgflame_odd_begin", &FunctionRange::name);
  const auto end = std::ranges::find(ranges, "pgflame_odd_end", &FunctionRange::name);
  REQUIRE(begin != ranges.end());
  REQUIRE(end != ranges.end());
  REQUIRE(end->start > begin->start + 256);
  CHECK(std::ranges::adjacent_find(ranges, [](const FunctionRange& a, const FunctionRange& b) {
          return a.end > b.start;
        }) == ranges.end());
  for (uint64_t address = begin->start; address < end->start + 16; address += 8) {
    CAPTURE((address - begin->start));
    const std::vector<uint64_t> one{address};
    const auto few = FunctionTable::from_image_at(binary.image, one, binary.debug_image());
    REQUIRE(few);
    check_same(whole, *few, one);
    CHECK(few->ranges().size() < 20);
  }
  const auto cold = std::ranges::find(ranges, "pgflame_odd_whole.cold", &FunctionRange::name);
  REQUIRE(cold != ranges.end());
  CHECK(cold->entry > cold->start);
}

TEST_CASE("a search table that is not true to the unwind information is not used") {
  const Binary binary = open_binary(loaded_libraries().front());
  const ElfSection* search = binary.image.section(".eh_frame_hdr");
  REQUIRE(search != nullptr);
  const std::span<const uint8_t> file = binary.image.file();
  const auto at = static_cast<size_t>(search->bytes.data() - file.data());
  const auto usable = [&](size_t offset, uint8_t change) {
    std::vector<uint8_t> bytes(file.begin(), file.end());
    bytes[at + offset] ^= change;
    const auto image = ElfImage::parse(bytes);
    REQUIRE(image);
    return FunctionTable::from_image_at(*image, {image->section(".text")->address}).has_value();
  };
  CHECK(usable(0, 0));
  for (const unsigned offset : {0U, 1U, 2U, 3U, 4U, 5U, 11U})  // its version, encodings, counts
    CHECK_FALSE(usable(offset, 0x40));
  CHECK_FALSE(usable(12 + 3, 0x80));  // its order
}

TEST_CASE("a search table without rows for all functions is not used where it has none") {
  const Binary binary = open_binary(loaded_libraries().front());
  const ElfSection* search = binary.image.section(".eh_frame_hdr");
  REQUIRE(search != nullptr);
  const auto bounds = function_bounds(binary.image);
  REQUIRE(bounds.size() > 1);
  const auto few = [&](std::span<const uint8_t> file, uint64_t address) {
    const auto image = ElfImage::parse(file);
    REQUIRE(image);
    return FunctionTable::from_image_at(*image, {address}).has_value();
  };
  const std::span<const uint8_t> file = binary.image.file();
  CHECK(few(file, bounds.back().start));
  std::vector<uint8_t> cut(file.begin(), file.end());
  --cut[static_cast<size_t>(search->bytes.data() - file.data()) + 8];  // the number of its rows
  CHECK(few(cut, bounds.front().start));
  CHECK_FALSE(few(cut, bounds.back().start));
}

TEST_CASE("recovery is at work in the C library, and has no ground in most others") {
  const auto may_recover_in = [](std::string_view name) {
    const std::vector<std::string> paths = loaded_libraries();
    const auto path = std::ranges::find_if(
        paths, [&](const std::string& one) { return one.find(name) != std::string::npos; });
    REQUIRE(path != paths.end());
    return may_recover(open_binary(*path).image, nullptr);
  };
  CHECK(may_recover_in("/libc.so"));
  CHECK_FALSE(may_recover_in("/libz.so"));
}

TEST_SUITE_END();

}  // namespace
}  // namespace pgflame::symbolizer
