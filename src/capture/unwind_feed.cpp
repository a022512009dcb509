#include "src/capture/unwind_feed.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include <bpf/bpf.h>
#include <sys/mman.h>

#include <fmt/format.h>

#include "src/base/file.h"
#include "src/capture/mapped_image.h"
#include "src/capture/proc.h"
#include "symbolizer/unwind/table_cache.h"

namespace pgflame::capture {
namespace {

constexpr uint64_t kMaxMapsBytes = uint64_t{64} << 20;

std::string_view bytes_of(const unwind::Rule& rule) {
  return {reinterpret_cast<const char*>(&rule), sizeof rule};
}

// The kernel's walker reads words of 8 bytes. A 32-bit program has nothing beyond 4 GiB, any other
// at least its vDSO.
bool is_32_bit(const std::vector<pgf_unwind_mapping>& mapped) {
  constexpr uint64_t k4GiB = uint64_t{1} << 32U;
  return std::ranges::all_of(mapped, [](const auto& mapping) { return mapping.end <= k4GiB; });
}

uint64_t hash_of(const pgf_unwind_space& space) {
  const size_t used =
      offsetof(pgf_unwind_space, mappings) + space.count * sizeof(pgf_unwind_mapping);
  const uint64_t hash = hash_bytes({reinterpret_cast<const char*>(&space), used});
  return hash == 0 ? 1 : hash;
}

}  // namespace

Result<std::unique_ptr<UnwindFeed>> UnwindFeed::open(const UnwindMaps& maps,
                                                     std::string cache_dir,
                                                     OnJitRuntime on_jit_runtime) {
  void* rows = ::mmap(nullptr,
                      size_t{maps.row_capacity} * sizeof(pgf_unwind_row),
                      PROT_READ | PROT_WRITE,
                      MAP_SHARED,
                      maps.rows,
                      0);
  if (rows == MAP_FAILED) return fail(system_error("cannot map the unwind tables", errno));
  return std::unique_ptr<UnwindFeed>(new UnwindFeed(
      maps, static_cast<pgf_unwind_row*>(rows), std::move(cache_dir), std::move(on_jit_runtime)));
}

UnwindFeed::UnwindFeed(const UnwindMaps& maps,
                       pgf_unwind_row* rows,
                       std::string cache_dir,
                       OnJitRuntime on_jit_runtime)
    : maps_(maps),
      row_array_(rows),
      cache_dir_(std::move(cache_dir)),
      on_jit_runtime_(std::move(on_jit_runtime)),
      room_(maps.row_capacity - JitTables::kRows),
      rows_({rows, room_}, [this](const unwind::Rule& rule) { return rule_number(rule); }),
      jit_({rows + room_, JitTables::kRows},
           room_,
           [this](const unwind::Rule& rule) { return rule_number(rule); }),
      slot_hashes_(PGF_MAX_SPACES) {
  rule_number(unwind::Rule{});  // rule 0: nothing known
}

UnwindFeed::~UnwindFeed() {
  ::munmap(row_array_, size_t{maps_.row_capacity} * sizeof(pgf_unwind_row));
}

void UnwindFeed::prepare(int32_t pid) {
  if (const auto text = read_file(proc_path(pid, "maps"), kMaxMapsBytes)) mapped_files(pid, *text);
}

void UnwindFeed::add(int32_t pid) {
  const auto text = read_file(proc_path(pid, "maps"), kMaxMapsBytes);
  if (!text || text->empty()) return;
  if (has_run_time_code(*text)) with_earlier_code_.insert(pid);
  run_time_code_.earlier = with_earlier_code_.size();
  publish_mapped(pid, *text);
}

void UnwindFeed::read_again(int32_t pid) {
  const auto text = read_file(proc_path(pid, "maps"), kMaxMapsBytes);
  if (text && !text->empty()) publish_mapped(pid, *text);
}

void UnwindFeed::publish_mapped(int32_t pid, const std::string& maps_text) {
  std::vector<pgf_unwind_mapping> mapped = mapped_files(pid, maps_text);
  publish(pid, mapped);
  if (jit_.contains(pid) || mapped_.contains(pid)) mapped_[pid] = std::move(mapped);
}

// Every statement that is compiled comes here, several times: what files are mapped is read once.
void UnwindFeed::publish_with_new_code(int32_t pid) {
  constexpr size_t kMostKept = 512;
  const auto known = mapped_.find(pid);
  if (known == mapped_.end()) {
    if (mapped_.size() >= kMostKept)
      std::erase_if(mapped_, [](const auto& process) { return !read_stat(process.first); });
    return read_again(pid);
  }
  publish(pid, known->second);
}

void UnwindFeed::publish(int32_t pid, const std::vector<pgf_unwind_mapping>& mapped) {
  pgf_unwind_process process{};
  process.space = is_32_bit(mapped) ? PGF_NO_SPACE : slot_of(space_of(pid, mapped));
  const auto key = static_cast<uint32_t>(pid);
  if (process.space == PGF_NO_SPACE) {
    bpf_map_delete_elem(maps_.processes, &key);
    return;
  }
  if (bpf_map_update_elem(maps_.processes, &key, &process, BPF_ANY) != 0) full_ = true;
}

void UnwindFeed::receive(std::span<const std::byte> bytes) {
  pgf_unwind_record head{};
  if (bytes.size() < sizeof head) return;
  std::memcpy(&head, bytes.data(), sizeof head);
  const auto pid = static_cast<int32_t>(head.pid);
  if (head.kind == PGF_RECORD_MISS) read_again(pid);
  if (head.kind == PGF_RECORD_JIT && bytes.size() >= sizeof(pgf_jit_record)) {
    pgf_jit_record record{};
    std::memcpy(&record, bytes.data(), sizeof record);
    add_jit(record);
  }
  if (head.kind == PGF_RECORD_VERIFY && bytes.size() >= sizeof(pgf_verify_record)) {
    const auto record = std::make_unique<pgf_verify_record>();
    std::memcpy(record.get(), bytes.data(), sizeof *record);
    if (!check_) check_ = std::make_unique<UnwindCheck>();
    check_->compare(*record);
  }
  if (head.kind == PGF_RECORD_UNJIT) {
    jit_.remove(pid, head.address);
    publish_with_new_code(pid);
  }
}

void UnwindFeed::add_jit(const pgf_jit_record& record) {
  const auto pid = static_cast<int32_t>(record.head.pid);
  const size_t size = std::min<size_t>(record.size, sizeof record.bytes);
  const auto add = [&] { return jit_.add(pid, record.head.address, {record.bytes, size}); };
  auto added = add();
  if (added == JitTables::Added::kNoRoom) {
    for (const int32_t other : jit_.pids()) {
      if (!read_stat(other)) jit_.forget(other);  // ended without telling
    }
    added = add();
  }
  run_time_code_.cut += added == JitTables::Added::kCut ? 1 : 0;
  run_time_code_.refused += added == JitTables::Added::kNoRoom ? 1 : 0;
  if (jit_.contains(pid)) publish_with_new_code(pid);
}

pgf_unwind_mapping UnwindFeed::mapping_of(int32_t pid, const MapsLine& line) {
  pgf_unwind_mapping mapping{};
  if (is_memory(kind_of_mapping(line.path))) {
    mapping.flags = PGF_MAPPING_JIT;
    return mapping;
  }
  const Part& part = part_of(pid, line);
  mapping.flags = part.flags;
  const auto address = part.segments.address_of(line.file_offset);
  if (!address || part.rows.row_count == 0) return mapping;
  mapping.base = line.start - *address + part.base;
  mapping.first_row = part.rows.first_row;
  mapping.row_count = part.rows.row_count;
  mapping.page_count = part.rows.page_count;
  return mapping;
}

std::vector<pgf_unwind_mapping> UnwindFeed::mapped_files(int32_t pid,
                                                         const std::string& maps_text) {
  std::vector<pgf_unwind_mapping> mapped;
  for (const MapsLine& line : parse_maps(maps_text)) {
    if (!line.executable || line.path == "[vsyscall]") continue;
    mapped.push_back(mapping_of(pid, line));
    mapped.back().start = line.start;
    mapped.back().end = line.end;
  }
  return mapped;
}

pgf_unwind_space UnwindFeed::space_of(int32_t pid, const std::vector<pgf_unwind_mapping>& mapped) {
  std::vector<pgf_unwind_mapping> mappings;
  AddressSpace ranges;
  const auto add_range = [&](const pgf_unwind_mapping& mapping) {
    ranges.add(mapping.start, mapping.end, MappingId{static_cast<uint32_t>(mappings.size())});
    mappings.push_back(mapping);
  };
  for (const pgf_unwind_mapping& mapping : mapped)
    add_range(mapping);
  // Last, because it carves its place out of the memory around it, which may not even be marked
  // executable yet: LLVM registers code just before.
  for (const pgf_unwind_mapping& code : jit_.mappings(pid))
    add_range(code);
  pgf_unwind_space space{};
  for (const AddressSpace::Range& range : ranges.ranges()) {
    if (space.count == PGF_MAX_SPACE_MAPPINGS) {
      full_ = true;
      break;
    }
    pgf_unwind_mapping& mapping = space.mappings[space.count++];
    mapping = mappings[range.mapping.value];
    mapping.start = range.start;
    mapping.end = range.end;
  }
  return space;
}

const UnwindFeed::Part& UnwindFeed::part_of(int32_t pid, const MapsLine& line) {
  const auto [known, fresh] = modules_.try_emplace(identity_of_mapped_file(line));
  if (fresh) {
    const uint64_t before = thread_cpu_ns();
    known->second = compile(pid, line);
    compile_ns_ += thread_cpu_ns() - before;
  }
  return known->second;
}

UnwindFeed::Part UnwindFeed::compile(int32_t pid, const MapsLine& line) {
  const std::string_view name = line.path.substr(line.path.rfind('/') + 1);
  if (name.starts_with("libgcc_s.so")) on_jit_runtime_(path_of_mapped_file(pid, line));
  const auto image = open_mapped_image(pid, line);
  return image ? store(*image, line.path) : Part{};
}

UnwindFeed::Part UnwindFeed::store(const unwind::ElfImage& image, std::string_view path) {
  const unwind::Table table = unwind::cached_table(image, cache_dir_);
  Part part;
  part.segments = image.segments();
  if (table.bare) part.flags = PGF_MAPPING_FRAME_POINTERS;
  if (table.rows.empty()) return part;
  part.base = table.base;
  if (const auto rows = rows_.store(table, path))
    part.rows = *rows;
  else
    part.flags = PGF_MAPPING_NO_ROOM;
  return part;
}

std::vector<std::string> UnwindFeed::notes() const {
  std::vector<std::string> notes;
  if (std::string refused = note_on_refused(rows_.refused()); !refused.empty())
    notes.push_back(std::move(refused));
  if (full_) notes.emplace_back("The tables for walking stacks were full; some stacks end early.");
  if (std::string code = note_on(run_time_code_); !code.empty()) notes.push_back(std::move(code));
  return notes;
}

uint16_t UnwindFeed::rule_number(const unwind::Rule& rule) {
  const uint64_t hash = hash_bytes(bytes_of(rule));
  const auto same = [&](uint32_t row) {
    return std::memcmp(&rules_[row], &rule, sizeof rule) == 0;
  };
  const uint32_t known = rule_index_.find(hash, same);
  if (known != HashIndex::kAbsent) return static_cast<uint16_t>(known);
  const auto number = static_cast<uint32_t>(rules_.size());
  if (number == PGF_MAX_RULES || bpf_map_update_elem(maps_.rules, &number, &rule, BPF_ANY) != 0) {
    full_ = true;
    return PGF_RULE_NONE;
  }
  rules_.push_back(rule);
  rule_index_.insert(hash, number);
  return static_cast<uint16_t>(number);
}

uint32_t UnwindFeed::slot_of(pgf_unwind_space space) {
  const uint64_t hash = hash_of(space);
  auto slot = std::ranges::find(slot_hashes_, hash);
  if (slot == slot_hashes_.end()) {
    slot = std::ranges::find(slot_hashes_, uint64_t{0});
    if (slot == slot_hashes_.end()) {
      collect_slots();
      slot = std::ranges::find(slot_hashes_, uint64_t{0});
    }
    if (slot == slot_hashes_.end()) {
      full_ = true;
      return PGF_NO_SPACE;
    }
    const auto number = static_cast<uint32_t>(slot - slot_hashes_.begin());
    space.generation = ++generation_;  // after it was hashed
    if (bpf_map_update_elem(maps_.spaces, &number, &space, BPF_ANY) != 0) return PGF_NO_SPACE;
    *slot = hash;
  }
  return static_cast<uint32_t>(slot - slot_hashes_.begin());
}

// Frees the slots that no process names. A walk that began before its process moved on may still
// read one; it is over in microseconds, long before the slot is written again.
void UnwindFeed::collect_slots() {
  std::set<uint32_t> used;
  uint32_t key = 0;
  uint32_t next = 0;
  const uint32_t* previous = nullptr;
  while (bpf_map_get_next_key(maps_.processes, previous, &next) == 0) {
    pgf_unwind_process process{};
    if (bpf_map_lookup_elem(maps_.processes, &next, &process) == 0) used.insert(process.space);
    key = next;
    previous = &key;
  }
  for (uint32_t slot = 0; slot < slot_hashes_.size(); ++slot) {
    if (!used.contains(slot)) slot_hashes_[slot] = 0;
  }
}

}  // namespace pgflame::capture
