#include "src/profile/builder.h"

#include <algorithm>

#include "src/profile/sample_order.h"

namespace pgflame {
namespace {

uint64_t hash_of(const Module& row) {
  return hash_bytes(row.path, hash_bytes(row.build_id, static_cast<uint64_t>(row.kind)));
}
bool same(const Module& a, const Module& b) {
  return a.kind == b.kind && a.path == b.path && a.build_id == b.build_id;
}

uint64_t hash_of(const Mapping& row) {
  return hash_mix(hash_mix(hash_mix(row.start, row.end), row.file_offset), row.module.value);
}
bool same(const Mapping& a, const Mapping& b) {
  return a.start == b.start && a.end == b.end && a.file_offset == b.file_offset &&
         a.module == b.module;
}

uint64_t hash_of(const Function& row) {
  const uint64_t seed =
      hash_mix(hash_mix(row.module.value, row.start), static_cast<uint64_t>(row.tier));
  return hash_bytes(row.name, hash_bytes(row.file, seed));
}
bool same(const Function& a, const Function& b) {
  return a.module == b.module && a.start == b.start && a.tier == b.tier && a.unnamed == b.unnamed &&
         a.name == b.name && a.file == b.file;
}

uint64_t hash_of(const StackNode& row) {
  return hash_mix(hash_mix(0x51ac, row.caller.value), row.location.value);
}
bool same(const StackNode& a, const StackNode& b) {
  return a.caller == b.caller && a.location == b.location;
}

uint64_t hash_of(const Sample& row) {
  uint64_t hash = hash_mix(row.stack.value, row.backend.value);
  hash = hash_mix(hash, static_cast<uint64_t>(row.state) << 8 | static_cast<uint64_t>(row.end));
  hash = hash_mix(hash, static_cast<uint64_t>(row.wait_event) << 32 | row.second);
  return hash_mix(hash, row.query_id ^ static_cast<uint64_t>(row.application.value) << 32);
}
bool same(const Sample& a, const Sample& b) {
  return place_of(a) == place_of(b);
}

// The number of the row of `rows` that equals `row`, added if it was not there.
template <typename Rows, typename Row>
uint32_t intern(HashIndex& index, Rows& rows, const Row& row) {
  const uint64_t hash = hash_of(row);
  const auto at = [&rows](uint32_t number) -> const Row& {
    return rows.begin()[static_cast<std::ptrdiff_t>(number)];
  };
  const uint32_t found = index.find(hash, [&](uint32_t number) { return same(at(number), row); });
  if (found != HashIndex::kAbsent) return found;
  const auto number = static_cast<uint32_t>(rows.size());
  index.insert(hash, number);
  if constexpr (requires { rows.add(row); }) {
    rows.add(row);
  } else {
    rows.push_back(row);
  }
  return number;
}

template <typename Rows>
void index_rows(HashIndex& index, const Rows& rows) {
  uint32_t number = 0;
  for (const auto& row : rows)
    index.insert(hash_of(row), number++);
}

bool same_lines(const Profile& profile, const Location& location, std::span<const Line> lines) {
  if (location.line_count != lines.size()) return false;
  for (size_t i = 0; i < lines.size(); ++i) {
    const Line& line = profile.lines[location.first_line + i];
    if (line.function != lines[i].function || line.line != lines[i].line) return false;
  }
  return true;
}

uint64_t hash_location(MappingId mapping, uint64_t address, std::span<const Line> lines) {
  uint64_t hash = hash_mix(hash_mix(0x10c, mapping.value), address);
  for (const Line& line : lines)
    hash = hash_mix(hash_mix(hash, line.function.value), line.line);
  return hash;
}

uint64_t hash_location(const Profile& profile, const Location& location) {
  return hash_location(location.mapping,
                       location.address,
                       std::span(profile.lines).subspan(location.first_line, location.line_count));
}

}  // namespace

ProfileBuilder::ProfileBuilder() : ProfileBuilder(Profile{}) {}

ProfileBuilder::ProfileBuilder(Profile base) : profile_(std::move(base)) {
  if (profile_.stacks.empty()) profile_.stacks.add(StackNode{});
  index_rows(modules_, profile_.modules);
  index_rows(mappings_, profile_.mappings);
  index_rows(functions_, profile_.functions);
  index_stacks();
  samples_in_order_ = profile_.samples.empty();
  index_rows(samples_, profile_.samples);
  uint32_t number = 0;
  for (const Location& location : profile_.locations) {
    locations_.insert(hash_location(profile_, location), number++);
  }
}

void ProfileBuilder::index_stacks() {
  first_callees_.resize(profile_.stacks.size());
  for (uint32_t number = 1; number < profile_.stacks.size(); ++number) {
    const StackNode& node = profile_.stacks[StackId{number}];
    StackId& first = first_callees_[node.caller.value];
    if (first.valid()) {
      stacks_.insert(hash_of(node), number);
    } else {
      first = StackId{number};
    }
  }
}

ModuleId ProfileBuilder::module(const Module& module) {
  return ModuleId{intern(modules_, profile_.modules, module)};
}

MappingId ProfileBuilder::mapping(const Mapping& mapping) {
  return MappingId{intern(mappings_, profile_.mappings, mapping)};
}

FunctionId ProfileBuilder::function(const Function& function) {
  return FunctionId{intern(functions_, profile_.functions, function)};
}

LocationId ProfileBuilder::location(MappingId mapping, uint64_t address) {
  return named_location(mapping, address, {});
}

LocationId ProfileBuilder::named_location(MappingId mapping,
                                          uint64_t address,
                                          std::span<const Line> lines) {
  const uint64_t hash = hash_location(mapping, address, lines);
  const uint32_t found = locations_.find(hash, [&](uint32_t number) {
    const Location& row = profile_.locations[LocationId{number}];
    return row.mapping == mapping && row.address == address && same_lines(profile_, row, lines);
  });
  if (found != HashIndex::kAbsent) return LocationId{found};
  locations_.insert(hash, static_cast<uint32_t>(profile_.locations.size()));
  Location row{mapping, address, static_cast<uint32_t>(profile_.lines.size()), 0};
  row.line_count = static_cast<uint32_t>(lines.size());
  profile_.lines.insert(profile_.lines.end(), lines.begin(), lines.end());
  return profile_.locations.add(row);
}

StackId ProfileBuilder::push(StackId caller, LocationId location) {
  const StackNode node{location, caller};
  const StackId first = first_callees_[caller.value];
  if (first.valid() && profile_.stacks[first].location == location) return first;
  const auto number = static_cast<uint32_t>(profile_.stacks.size());
  if (first.valid()) {
    const StackId known{intern(stacks_, profile_.stacks, node)};
    if (known.value < number) return known;
  } else {
    first_callees_[caller.value] = profile_.stacks.add(node);
  }
  first_callees_.emplace_back();
  return StackId{number};
}

BackendId ProfileBuilder::backend(const Backend& backend) {
  return profile_.backends.add(backend);
}

// Saved captures are in order.
void ProfileBuilder::add(const Sample& sample) {
  if (samples_in_order_) {
    if (profile_.samples.empty() || place_of(profile_.samples.back()) < place_of(sample)) {
      profile_.samples.push_back(sample);
      return;
    }
    samples_in_order_ = false;
    index_rows(samples_, profile_.samples);
  }
  Sample empty = sample;
  empty.count = 0;
  empty.weight = 0;
  Sample& row = profile_.samples[intern(samples_, profile_.samples, empty)];
  row.count += sample.count;
  row.weight += sample.weight;
}

}  // namespace pgflame
