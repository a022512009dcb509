// Who ran and what was mapped, as far as the records say up to now. Children inherit name and
// mappings of their parent (Postgres forks its backends without exec).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "src/input/perf_batch.h"
#include "src/input/perf_header.h"
#include "src/profile/address_space.h"
#include "src/profile/builder.h"
#include "src/profile/module_files.h"

namespace pgflame::input {

// Equal address spaces have equal numbers, whichever process they belong to.
using SpaceId = uint32_t;

class ProcessTable {
 public:
  // What the records don't say of a file's build is in `build_ids`. `files`, unless it is null,
  // hears of those that have none.
  ProcessTable(ProfileBuilder& builder, BuildIds build_ids, ModuleFiles* files = nullptr)
      : builder_(builder), build_ids_(std::move(build_ids)), files_(files) {}

  // Returns false when the record made no sense (counted as broken).
  bool apply(const ProcessRecord& record);

  struct Task {
    BackendId backend;
    SpaceId space = 0;
  };
  // The task that was sampled, made up when no record announced it. Until a new program runs its
  // first own code (in_user_code) its samples lie in execve, called from the program before it.
  Task task(int32_t pid, int32_t tid, bool in_user_code) {
    if (last_.pid != pid || last_.tid != tid || last_.in_user_code != in_user_code || !last_.known)
      last_ = {pid, tid, in_user_code, true, find_task(pid, tid, in_user_code)};
    return last_.task;
  }
  const std::string& comm(int32_t pid, int32_t tid) { return thread(pid, tid).comm; }
  const AddressSpace& address_space(int32_t pid, int32_t tid);

 private:
  struct Space {
    AddressSpace ranges;
    SpaceId id = kUnnumbered;
    bool has_code_maker = false;
    std::vector<MappingId> code_in_no_file;  // as long as there is none
  };
  struct Process {
    int32_t pid = 0;
    int64_t start_time = 0;
    std::shared_ptr<Space> space = std::make_shared<Space>();
    std::shared_ptr<Space> next;  // of the program that execve is loading; space has both
    std::vector<std::pair<std::string, BackendId>> backends;  // by comm
  };
  struct Thread {
    int32_t pid = 0;
    int32_t tid = 0;
    std::string comm;
    bool comm_known = false;
    uint32_t process = 0;
    BackendId backend;  // invalid: look it up
  };
  // What was asked for last, for as long as no process has changed.
  struct LastTask {
    int32_t pid = 0;
    int32_t tid = 0;
    bool in_user_code = false;
    bool known = false;
    Task task;
  };
  static constexpr SpaceId kUnnumbered = UINT32_MAX;

  Task find_task(int32_t pid, int32_t tid, bool in_user_code);
  Thread& thread(int32_t pid, int32_t tid);
  Thread& make_thread(int32_t pid, int32_t tid, uint32_t process);
  uint32_t process_of(int32_t pid);
  uint32_t new_process(int32_t pid, int64_t start_time);
  bool map(const ProcessRecord& record);
  void fork(const ProcessRecord& record);
  void map_into(Space& space, const ProcessRecord& record);
  void call_code_jit(Space& space);
  static Space& writable_space(std::shared_ptr<Space>& space);
  SpaceId number(Space& space);
  BackendId backend_of(const Thread& thread);

  ProfileBuilder& builder_;
  const BuildIds build_ids_;
  ModuleFiles* files_;
  std::vector<Thread> threads_;
  std::array<uint32_t, 256> recent_threads_{};  // rows of threads_, by a part of their tid
  std::vector<Process> processes_;
  LastTask last_;
  std::unordered_map<int32_t, uint32_t> thread_by_tid_;
  std::unordered_map<int32_t, uint32_t> process_by_pid_;
  std::unordered_map<uint64_t, SpaceId> spaces_;  // by a hash of their content
};

}  // namespace pgflame::input
