#include "symbolizer/unwind/offline.h"

#include <array>
#include <memory>

#include "symbolizer/unwind/walk.h"

namespace pgflame::unwind {
namespace {

// Where a mapping's code is found in its module's table.
struct Place {
  const Table* table = nullptr;  // null: no unwind information
  uint64_t bias = 0;             // process address minus virtual address in the file, modulo 2^64
};

bool has_no_file(const Profile& profile, MappingId mapping) {
  const ModuleId module = profile.mappings[mapping].module;
  return module.valid() && is_memory(profile.modules[module].kind);
}

class TableUnwinder {
 public:
  explicit TableUnwinder(const FileOptions& options) : tables_(options) {}

  UserStack walk(const Profile& profile, const AddressSpace& space, const UserDump& captured) {
    auto dump = read_dump(captured);
    if (!dump) return {{}, StackEnd::kNoStack};
    // Callers mostly lie in the same module.
    AddressSpace::Range recent;
    UserStack stack = walk_dump(*dump, [&](uint64_t pc) {
      if (pc < recent.start || pc >= recent.end) recent = space.range_at(pc);
      return rule_at(profile, recent.mapping, pc);
    });
    if (stack.end == StackEnd::kNoUnwindInfo && has_no_file(profile, recent.mapping))
      stack.end = StackEnd::kRunTimeCode;
    return stack;
  }

 private:
  // Stacks share most of their callers, so nearly every lookup repeats an earlier one.
  struct Cached {
    uint64_t pc = 0;
    MappingId mapping;
    const Rule* rule = nullptr;
  };

  const Rule* rule_at(const Profile& profile, MappingId mapping, uint64_t pc) {
    if (!mapping.valid()) return nullptr;
    Cached& cached = cache_[(pc ^ pc >> 12) % cache_.size()];
    if (cached.pc != pc || cached.mapping != mapping) {
      const Place& place = place_of(profile, mapping);
      static constexpr Rule kNone{};
      cached = {pc, mapping, place.table == nullptr ? &kNone : &place.table->at(pc - place.bias)};
    }
    return cached.rule;
  }

  const Place& place_of(const Profile& profile, MappingId id) {
    if (places_.size() <= id.value) places_.resize(size_t{id.value} + 1);
    std::optional<Place>& place = places_[id.value];
    if (place) return *place;
    place.emplace();
    const Mapping& mapping = profile.mappings[id];
    if (!mapping.module.valid()) return *place;
    const ModuleTable* module = tables_.of(profile, mapping.module);
    if (module == nullptr) return *place;
    const auto address = module->image.segments().address_of(mapping.file_offset);
    if (address) *place = {&module->table, mapping.start - *address};
    return *place;
  }

  ModuleTables tables_;
  std::vector<std::optional<Place>> places_;
  std::array<Cached, 4096> cache_{};
};

}  // namespace

Unwinder table_unwinder(const FileOptions& options) {
  auto unwinder = std::make_shared<TableUnwinder>(options);
  return [unwinder](const Profile& profile, const AddressSpace& space, const UserDump& dump) {
    return unwinder->walk(profile, space, dump);
  };
}

}  // namespace pgflame::unwind
