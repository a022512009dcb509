#include "src/input/process_table.h"

#include <algorithm>
#include <utility>

namespace pgflame::input {
namespace {

// The kernel's own limits: vm.max_map_count, kernel.pid_max. Beyond them the input lies.
constexpr size_t kMaxMaps = 65536;
constexpr size_t kMaxThreads = 4194304;
constexpr size_t kMaxCommsPerProcess = 1024;

uint64_t hash_of(const AddressSpace& space) {
  uint64_t hash = space.ranges().size();
  for (const AddressSpace::Range& range : space.ranges())
    hash = hash_mix(hash_mix(hash_mix(hash, range.start), range.end), range.mapping.value);
  return hash;
}

}  // namespace

bool ProcessTable::apply(const ProcessRecord& record) {
  last_.known = false;
  switch (record.kind) {
    case ProcessRecord::Kind::kMap:
      return map(record);
    case ProcessRecord::Kind::kFork:
      fork(record);
      return true;
    case ProcessRecord::Kind::kComm:
    case ProcessRecord::Kind::kExec: {
      Thread& named = thread(record.pid, record.tid);
      named.comm = record.name;
      named.comm_known = true;
      named.backend = {};
      if (record.kind == ProcessRecord::Kind::kExec) {
        processes_[named.process].next = std::make_shared<Space>();
      }
      return true;
    }
  }
  return false;
}

bool ProcessTable::map(const ProcessRecord& record) {
  if (record.size == 0 || record.start + record.size < record.start) return false;
  Process& process = processes_[process_of(record.pid)];
  if (process.space->ranges.ranges().size() >= kMaxMaps) return false;
  map_into(writable_space(process.space), record);
  if (process.next) map_into(writable_space(process.next), record);
  return true;
}

void ProcessTable::map_into(Space& space, const ProcessRecord& record) {
  if (!space.has_code_maker && makes_code(record.name)) {
    space.has_code_maker = true;
    call_code_jit(space);
  }
  const ModuleKind kind = record.executable ? kind_of_code(record.name, space.has_code_maker)
                                            : kind_of_mapping(record.name);
  const auto listed = build_ids_.find(record.name);
  const bool look = record.build_id.empty() && listed != build_ids_.end();
  const ModuleId module =
      builder_.module(Module{kind, record.name, look ? listed->second : record.build_id});
  const bool has_build_id = look || !record.build_id.empty();
  if (files_ != nullptr && !has_build_id && record.inode != 0)
    files_->add_number(module, record.device, record.inode);
  const uint64_t end = record.start + record.size;
  const MappingId mapping =
      builder_.mapping(Mapping{record.start, end, record.file_offset, module});
  space.ranges.add(record.start, end, mapping);
  if (record.executable && kind == ModuleKind::kAnonymous) space.code_in_no_file.push_back(mapping);
}

// What is mapped when a recording begins is listed by address: the library may come after the code
// that it made.
void ProcessTable::call_code_jit(Space& space) {
  std::ranges::sort(space.code_in_no_file);
  AddressSpace renamed;
  for (const AddressSpace::Range& range : space.ranges.ranges()) {
    MappingId id = range.mapping;
    if (std::ranges::binary_search(space.code_in_no_file, id)) {
      Mapping mapping = builder_.profile().mappings[id];
      Module module = builder_.profile().modules[mapping.module];
      module.kind = kind_of_code(module.path, true);
      mapping.module = builder_.module(module);
      id = builder_.mapping(mapping);
    }
    renamed.add(range.start, range.end, id);
  }
  space.ranges = std::move(renamed);
  space.code_in_no_file.clear();
}

void ProcessTable::fork(const ProcessRecord& record) {
  const Thread parent = thread(record.parent_pid, record.parent_tid);
  uint32_t process = parent.process;
  if (record.pid != record.parent_pid) {
    process = new_process(record.pid, static_cast<int64_t>(record.time));
    if (record.keeps_maps) {
      const Process& origin = processes_[parent.process];
      processes_[process].space = origin.next ? origin.next : origin.space;
    }
  } else if (record.pid == record.parent_pid && record.tid == record.parent_tid) {
    return;  // its own parent: nothing to inherit
  }
  Thread& child = make_thread(record.pid, record.tid, process);
  if (parent.comm_known) {
    child.comm = parent.comm;
    child.comm_known = true;
  }
}

ProcessTable::Task ProcessTable::find_task(int32_t pid, int32_t tid, bool in_user_code) {
  Thread& sampled = thread(pid, tid);
  if (!sampled.backend.valid()) sampled.backend = backend_of(sampled);
  Process& process = processes_[sampled.process];
  if (in_user_code && process.next) {
    process.space = std::exchange(process.next, nullptr);
  }
  Space& space = *process.space;
  if (space.id == kUnnumbered) space.id = number(space);
  return {sampled.backend, space.id};
}

const AddressSpace& ProcessTable::address_space(int32_t pid, int32_t tid) {
  return processes_[thread(pid, tid).process].space->ranges;
}

ProcessTable::Thread& ProcessTable::thread(int32_t pid, int32_t tid) {
  uint32_t& recent = recent_threads_[static_cast<uint32_t>(tid) % recent_threads_.size()];
  if (recent < threads_.size() && threads_[recent].tid == tid && threads_[recent].pid == pid) {
    return threads_[recent];
  }
  const auto found = thread_by_tid_.find(tid);
  if (found != thread_by_tid_.end() && threads_[found->second].pid == pid) {
    recent = found->second;
    return threads_[found->second];
  }
  return make_thread(pid, tid, process_of(pid));
}

// A thread nobody has named yet is called by its number, as perf does.
ProcessTable::Thread& ProcessTable::make_thread(int32_t pid, int32_t tid, uint32_t process) {
  last_.known = false;
  Thread fresh;
  fresh.pid = pid;
  fresh.tid = tid;
  fresh.process = process;
  fresh.comm = tid == 0 ? "swapper" : ":" + std::to_string(tid);
  const auto [entry, is_new] =
      thread_by_tid_.try_emplace(tid, static_cast<uint32_t>(threads_.size()));
  if (!is_new) return threads_[entry->second] = std::move(fresh);
  if (threads_.size() >= kMaxThreads) {
    thread_by_tid_.erase(entry);
    return threads_.back() = std::move(fresh);
  }
  return threads_.emplace_back(std::move(fresh));
}

uint32_t ProcessTable::process_of(int32_t pid) {
  const auto found = process_by_pid_.find(pid);
  return found != process_by_pid_.end() ? found->second : new_process(pid, 0);
}

uint32_t ProcessTable::new_process(int32_t pid, int64_t start_time) {
  const auto number = static_cast<uint32_t>(processes_.size());
  Process fresh;
  fresh.pid = pid;
  fresh.start_time = start_time;
  const auto [entry, is_new] = process_by_pid_.try_emplace(pid, number);
  if (!is_new) {
    processes_[entry->second] = std::move(fresh);
    return entry->second;
  }
  processes_.push_back(std::move(fresh));
  return number;
}

// Forked processes share their parent's space, and numbered spaces are remembered by others: both
// are copied before they are changed.
ProcessTable::Space& ProcessTable::writable_space(std::shared_ptr<Space>& space) {
  if (space.use_count() > 1) space = std::make_shared<Space>(*space);
  space->id = kUnnumbered;
  return *space;
}

SpaceId ProcessTable::number(Space& space) {
  const auto next = static_cast<SpaceId>(spaces_.size());
  return spaces_.try_emplace(hash_of(space.ranges), next).first->second;
}

BackendId ProcessTable::backend_of(const Thread& thread) {
  Process& process = processes_[thread.process];
  for (const auto& [comm, backend] : process.backends) {
    if (comm == thread.comm) return backend;
  }
  if (process.backends.size() >= kMaxCommsPerProcess) return process.backends.back().second;
  Backend row;
  row.pid = process.pid;
  row.start_time = process.start_time;
  row.comm = thread.comm;
  const BackendId id = builder_.backend(row);
  process.backends.emplace_back(thread.comm, id);
  return id;
}

}  // namespace pgflame::input
