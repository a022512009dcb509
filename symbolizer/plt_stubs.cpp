#include "symbolizer/plt_stubs.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "src/base/rows.h"

namespace pgflame::symbolizer {
namespace {

// It jumps through a slot of .got.
struct Stub {
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t slot = 0;
};

// [endbr64] [bnd] jmp *(rip).
std::vector<Stub> stubs_x86_64(const ElfSection& section) {
  std::vector<Stub> stubs;
  const uint64_t step = section.name == ".plt.got" && section.bytes.size() % 16 != 0 ? 8 : 16;
  for (uint64_t at = 0; at + step <= section.bytes.size(); at += step) {
    const uint64_t start = section.address + at;
    for (uint64_t i = at; i + 6 <= at + step; ++i) {
      if (section.bytes[i] != 0xff || section.bytes[i + 1] != 0x25) continue;
      int32_t displacement = 0;
      std::memcpy(&displacement, &section.bytes[i + 2], sizeof displacement);
      const uint64_t next = section.address + i + 6;
      stubs.push_back({start, start + step, next + static_cast<uint64_t>(int64_t{displacement})});
      break;
    }
  }
  return stubs;
}

// adrp x16, PAGE; ldr x17, [x16, OFFSET]; add; br x17.
std::vector<Stub> stubs_aarch64(const ElfSection& section) {
  std::vector<Stub> stubs;
  for (uint64_t at = 0; at + 16 <= section.bytes.size(); at += 4) {
    std::array<uint32_t, 2> words{};
    std::memcpy(words.data(), &section.bytes[at], sizeof words);
    if ((words[0] & 0x9f00001f) != 0x90000010 || (words[1] & 0xffc003ff) != 0xf9400211) continue;
    const uint64_t start = section.address + at;
    const auto pages = static_cast<int64_t>((words[0] >> 5 & 0x7ffff) << 2 | (words[0] >> 29 & 3));
    const int64_t distance = (pages ^ 0x100000) - 0x100000;
    const uint64_t page = (start & ~uint64_t{0xfff}) + (static_cast<uint64_t>(distance) << 12);
    stubs.push_back({start, start + 16, page + (uint64_t{words[1] >> 10 & 0xfff} << 3)});
  }
  return stubs;
}

// The sections with stubs in them, as long as they can be what a linker made: it puts no two of
// them over the same bytes.
std::vector<const ElfSection*> stub_sections(const ElfImage& image, const AddressSet* only) {
  std::vector<const ElfSection*> sections;
  uint64_t bytes = 0;
  for (const ElfSection& section : image.sections()) {
    if (!section.executable() || !section.name.starts_with(".plt")) continue;
    if (only != nullptr && !only->has_any_in(section.address, section.size)) continue;
    bytes += section.bytes.size();
    if (bytes > image.file().size()) break;
    sections.push_back(&section);
  }
  return sections;
}

std::vector<Stub> find_stubs(const ElfImage& image, const AddressSet* only) {
  std::vector<Stub> stubs;
  const bool arm = image.machine() == Machine::kAarch64;
  if (!arm && image.machine() != Machine::kX8664) return stubs;
  for (const ElfSection* section : stub_sections(image, only)) {
    const auto found = arm ? stubs_aarch64(*section) : stubs_x86_64(*section);
    std::ranges::copy_if(found, std::back_inserter(stubs), [&](const Stub& stub) {
      return only == nullptr || only->has_any_in(stub.start, stub.end - stub.start);
    });
  }
  return stubs;
}

// Sorted, without duplicates.
std::vector<uint64_t> slots_of(const std::vector<Stub>& stubs) {
  std::vector<uint64_t> slots;
  slots.reserve(stubs.size());
  for (const Stub& stub : stubs)
    slots.push_back(stub.slot);
  std::ranges::sort(slots);
  drop_repeated(slots);
  return slots;
}

}  // namespace

std::vector<PltStub> plt_stubs(const ElfImage& image, const AddressSet* only) {
  const std::vector<Stub> stubs = find_stubs(image, only);
  if (stubs.empty()) return {};
  const std::vector<uint64_t> slots = slots_of(stubs);
  const std::vector<ElfImport> imports = image.imports(&slots);
  std::vector<PltStub> named;
  for (const Stub& stub : stubs) {
    const auto import = std::ranges::lower_bound(imports, stub.slot, {}, &ElfImport::slot);
    if (import == imports.end() || import->slot != stub.slot || import->symbol.empty()) continue;
    named.push_back({stub.start, stub.end, import->symbol});
  }
  return named;
}

}  // namespace pgflame::symbolizer
